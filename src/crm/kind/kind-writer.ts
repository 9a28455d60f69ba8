/**
 * Writes records of a kind inside a transaction. What a user can mend is thrown as UserFaults, which
 * rolls the transaction back. Used by the API's mutations, by imports and by seeds alike, so that
 * all obey the same rules.
 */
import type { Kind, KindRow, KindSet, RuleContext, Values } from './kind';
import { perKind } from './per-kind';
import { createAtOnce } from './write/create-at-once';
import { createRecords } from './write/create-records';
import { deleteRecords, purgeRecord, restoreRecord } from './write/remove-records';
import type { PathOf, Write } from './write/run-write';
import { updateRecords, type Update } from './write/update-records';
import { upsertRecords, type Upserted } from './write/upsert-records';

export { UnlocatedFault, type PathOf } from './write/run-write';
export type { Update } from './write/update-records';
export type { UpsertOutcome } from './write/upsert-records';

export type WriteContext = RuleContext;

/** All answer in the order of what they were given, and throw UserFaults. */
export interface KindWriter {
  /** @throws UnlocatedFault, for several records only. */
  create(
    context: WriteContext,
    kind: Kind,
    records: readonly Values[],
    pathOf: PathOf,
  ): Promise<KindRow[]>;
  /**
   * One record, committed when this is answered. Each statement of the context's `tx` is a transaction
   * of its own, and `afterCommit` is not called.
   * @returns undefined: nothing was written, and `create` is to be asked, in a transaction.
   */
  createAtOnce(
    context: WriteContext,
    kind: Kind,
    values: Values,
    pathOf: PathOf,
  ): Promise<KindRow | undefined>;
  update(
    context: WriteContext,
    kind: Kind,
    updates: readonly Update[],
    pathOf: PathOf,
  ): Promise<KindRow[]>;
  /**
   * Records are told apart by `externalId`, each of which may occur once. All must name the same
   * fields: what one names and another does not is cleared there.
   * @throws UnlocatedFault, for several records only.
   */
  upsert(
    context: WriteContext,
    kind: Kind,
    records: readonly Values[],
    pathOf: PathOf,
  ): Promise<Upserted>;
  /** @param ids each once. */
  delete(
    context: WriteContext,
    kind: Kind,
    ids: readonly string[],
    pathOf: PathOf,
  ): Promise<KindRow[]>;
  restore(context: WriteContext, kind: Kind, id: string, path: readonly string[]): Promise<KindRow>;
  purge(context: WriteContext, kind: Kind, id: string, path: readonly string[]): Promise<void>;
}

export function createKindWriter(kinds: KindSet): KindWriter {
  const of = (context: WriteContext, kind: Kind): Write => ({
    context,
    kinds,
    kind,
    tenantId: context.tx.localTenantId,
    actorId: context.actorId,
  });
  const atOnce = perKind((kind) => createAtOnce(kinds, kind));
  return {
    createAtOnce: (context, kind, values, pathOf) =>
      atOnce(kind)(of(context, kind), values, pathOf),
    create: (context, kind, records, pathOf) => createRecords(of(context, kind), records, pathOf),
    update: (context, kind, updates, pathOf) => updateRecords(of(context, kind), updates, pathOf),
    upsert: (context, kind, records, pathOf) => upsertRecords(of(context, kind), records, pathOf),
    delete: (context, kind, ids, pathOf) => deleteRecords(of(context, kind), ids, pathOf),
    restore: (context, kind, id, path) => restoreRecord(of(context, kind), id, path),
    purge: (context, kind, id, path) => purgeRecord(of(context, kind), id, path),
  };
}
