/**
 * Writes records of a kind inside a transaction. What a user can mend is thrown as UserFaults, which
 * rolls the transaction back. Used by the API's mutations, by imports and by seeds alike, so that
 * all obey the same rules.
 */
import type { Sql } from 'sql-template-tag';
import { uuidv7 } from 'uuidv7';
import {
  conflictError,
  notFoundError,
  UserFaults,
  type UserError,
} from '../../graphql/user-errors';
import type { Kind, KindRow, KindSet, RuleContext, Values } from './kind';
import { deleteParts, restoreParts } from './owned-parts';
import { checkRemoved, checkRules, prepare, refuseRepeated } from './rules';
import { runBatch, runWrite, withFaultsAt, type PathOf } from './run-write';
import { nameFixed, nameShaped } from './statement-names';
import { wordingOf } from './wording';
import {
  byExternalIdsSql,
  deadReferencesSql,
  deleteSql,
  insertSql,
  lockByExternalIdsSql,
  lockSql,
  purgeSql,
  restoreSql,
  updateSql,
  upsertSql,
  type ColumnValues,
  type WriteScope,
} from './write-sql';

export type { PathOf } from './run-write';

export type WriteContext = RuleContext;

export interface Update {
  readonly id: string;
  readonly version: number;
  readonly values: Values;
}

export type UpsertOutcome = 'created' | 'updated' | 'unchanged';

type UpsertedRow = KindRow & { readonly __created?: boolean };

export interface KindWriter {
  /** @throws UnlocatedFault, for several records only. */
  create(
    context: WriteContext,
    kind: Kind,
    records: readonly Values[],
    pathOf: PathOf,
  ): Promise<KindRow[]>;
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
  ): Promise<{ rows: KindRow[]; outcomes: UpsertOutcome[] }>;
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

/** Another transaction took away what this one had just found. */
const overtaken = (path: readonly string[]): UserError =>
  conflictError(path, 'Another change came in between: try again.');

const inOrder = (rows: readonly KindRow[], ids: readonly string[]): KindRow[] => {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
};

const outcomeOf = ({ __created: created }: UpsertedRow): UpsertOutcome =>
  created === undefined ? 'unchanged' : created ? 'created' : 'updated';

export function createKindWriter(kinds: KindSet): KindWriter {
  const scopeOf = ({ tx, actorId }: WriteContext, kind: Kind): WriteScope => ({
    kinds,
    kind,
    tenantId: tx.localTenantId,
    actorId,
  });

  const run = <Row>(
    { tx }: WriteContext,
    kind: Kind,
    statement: Sql,
    path?: readonly string[],
  ): Promise<Row[]> => runWrite<Row>(tx, kind, nameShaped(statement), path);

  async function deadReferences(
    context: WriteContext,
    kind: Kind,
    rows: readonly ColumnValues[],
    pathOf: PathOf,
  ): Promise<UserError[]> {
    const statement = deadReferencesSql(scopeOf(context, kind), rows);
    if (statement === undefined) return [];
    const dead = await run<{ ord: number; field: string }>(context, kind, statement);
    return dead.map(({ ord, field }) => notFoundError([...pathOf(ord), field], 'record'));
  }

  /** Why an update found no row to change. */
  async function whyNotUpdated(
    context: WriteContext,
    kind: Kind,
    { id, version }: Update,
    changes: ColumnValues,
    path: readonly string[],
  ): Promise<UserError[]> {
    const { one } = wordingOf(kind);
    const [current] = await run<KindRow>(context, kind, lockSql(scopeOf(context, kind), [id]));
    if (current === undefined || current.deletedAt !== null) {
      return [notFoundError([...path, 'id'], one)];
    }
    if (current.version !== version) {
      const message = `The ${one} was changed meanwhile: expected version ${version}, but it is ${current.version}. Read it again.`;
      return [conflictError([...path, 'version'], message)];
    }
    const dead = await deadReferences(context, kind, [{ ...changes, ord: 0, id }], () => path);
    return dead.length > 0 ? dead : [overtaken(path)];
  }

  return {
    async create(context, kind, records, pathOf) {
      const columns = await prepare(context, kind, records, pathOf, { creating: true });
      const rows = columns.map((values, ord) => ({ ...values, ord, id: uuidv7() }));
      const statement = nameFixed(insertSql(scopeOf(context, kind), rows));
      const inserted = await runBatch<KindRow>(context.tx, kind, statement, {
        count: rows.length,
        pathOf,
      });
      if (inserted.length < rows.length) {
        const dead = await deadReferences(context, kind, rows, pathOf);
        throw new UserFaults(dead.length > 0 ? dead : [overtaken([])]);
      }
      const ids = rows.map(({ id }) => id);
      const ordered = inOrder(inserted, ids);
      const written = ordered.map((row, index) => ({
        row,
        before: undefined,
        given: records[index] ?? {},
        created: true,
      }));
      await checkRules(context, kind, written, pathOf);
      return ordered;
    },

    async update(context, kind, updates, pathOf) {
      const scope = scopeOf(context, kind);
      const ids = updates.map(({ id }) => id);
      const currents =
        kind.rules.needsCurrent === true
          ? await run<KindRow>(context, kind, lockSql(scope, ids))
          : [];
      const befores = ids.map((id) => currents.find((row) => row.id === id));
      const records = updates.map(({ values }) => values);
      const columns = await prepare(context, kind, records, pathOf, { creating: false, befores });
      const rows: KindRow[] = [];
      const errors: UserError[] = [];
      for (const [index, update] of updates.entries()) {
        const path = pathOf(index);
        const changes = columns[index] ?? {};
        const statement = updateSql(scope, update.id, update.version, changes);
        const [row] = await run<KindRow>(context, kind, statement, path);
        if (row === undefined) {
          errors.push(...(await whyNotUpdated(context, kind, update, changes, path)));
        } else {
          rows.push(row);
        }
      }
      if (errors.length > 0) throw new UserFaults(errors);
      const written = rows.map((row, index) => ({
        row,
        before: befores[index],
        given: records[index] ?? {},
        created: false,
      }));
      await checkRules(context, kind, written, pathOf);
      return rows;
    },

    async upsert(context, kind, records, pathOf) {
      refuseRepeated(records, pathOf);
      const scope = scopeOf(context, kind);
      const externalIds = records.map(({ externalId }) => externalId as string);
      const currents =
        kind.rules.needsCurrent === true
          ? await run<KindRow>(context, kind, lockByExternalIdsSql(scope, externalIds))
          : [];
      const befores = externalIds.map((id) => currents.find((row) => row.externalId === id));
      const columns = await prepare(context, kind, records, pathOf, { creating: true, befores });
      const rows = columns.map((values, ord) => ({ ...values, ord, id: uuidv7() }));
      const names = [...new Set(columns.flatMap((values) => Object.keys(values)))];
      const statement = nameShaped(upsertSql(scope, rows, names));
      const changed = await runBatch<UpsertedRow>(context.tx, kind, statement, {
        count: rows.length,
        pathOf,
      });
      const known = new Map<string | null, UpsertedRow>(
        changed.map((row) => [row.externalId, row]),
      );
      const missing = externalIds.filter((externalId) => !known.has(externalId));
      if (missing.length > 0) {
        const dead = await deadReferences(context, kind, rows, pathOf);
        if (dead.length > 0) throw new UserFaults(dead);
        for (const row of await run<KindRow>(context, kind, byExternalIdsSql(scope, missing))) {
          known.set(row.externalId, row);
        }
      }
      const found = externalIds.flatMap((externalId) => known.get(externalId) ?? []);
      if (found.length < records.length) throw new UserFaults([overtaken([])]);
      const outcomes = found.map(outcomeOf);
      const written = found.map((row, index) =>
        outcomes[index] === 'unchanged'
          ? undefined
          : {
              row,
              before: befores[index],
              given: records[index] ?? {},
              created: outcomes[index] === 'created',
            },
      );
      await checkRules(context, kind, written, pathOf);
      return { rows: found, outcomes };
    },

    async delete(context, kind, ids, pathOf) {
      const scope = scopeOf(context, kind);
      const deleted = await run<KindRow>(context, kind, deleteSql(scope, ids));
      const found = new Set(deleted.map(({ id }) => id));
      const errors = ids.flatMap((id, index) =>
        found.has(id) ? [] : [notFoundError(pathOf(index), wordingOf(kind).one)],
      );
      if (errors.length > 0) throw new UserFaults(errors);
      await deleteParts(context.tx, scope, ids);
      const rows = inOrder(deleted, ids);
      await checkRemoved(context, kind, rows, pathOf);
      return rows;
    },

    async restore(context, kind, id, path) {
      const scope = scopeOf(context, kind);
      const { one } = wordingOf(kind);
      const [before] = await run<KindRow>(context, kind, lockSql(scope, [id]));
      const deletedAt = before?.deletedAt ?? null;
      if (deletedAt === null) {
        throw new UserFaults([notFoundError(path, `deleted ${one}`)]);
      }
      const row = await withFaultsAt(path, async () => {
        const [restored] = await run<KindRow>(context, kind, restoreSql(scope, id), path);
        if (restored !== undefined) await restoreParts(context.tx, scope, [id], deletedAt);
        return restored;
      });
      if (row === undefined) {
        const message = `What this ${one} is a part of is deleted: restore that first.`;
        throw new UserFaults([conflictError(path, message)]);
      }
      await kind.rules.restored?.(context, row);
      return row;
    },

    async purge(context, kind, id, path) {
      const [purged] = await run<KindRow>(
        context,
        kind,
        purgeSql(scopeOf(context, kind), id),
        path,
      );
      if (purged === undefined) throw new UserFaults([notFoundError(path, wordingOf(kind).one)]);
      await checkRemoved(context, kind, [purged], () => path);
    },
  };
}
