import { uuidv7 } from 'uuidv7';
import { UserFaults } from '../../../graphql/user-errors';
import type { KindRow, Values } from '../kind';
import { nameShaped } from '../statement-names';
import { refuseBeyondPlan } from './beyond-plan';
import { findDeadReferences } from './dead-references';
import { checkRules, prepare, refuseRepeated } from './rules';
import { overtaken, runBatch, runWrite, type PathOf, type Write } from './run-write';
import { byExternalIdsSql, lockByExternalIdsSql, upsertSql, type ColumnValues } from './write-sql';

export type UpsertOutcome = 'created' | 'updated' | 'unchanged';

export interface Upserted {
  /** In the order of the records given. */
  readonly rows: KindRow[];
  readonly outcomes: UpsertOutcome[];
}

type UpsertedRow = KindRow & { readonly __created?: boolean };

const outcomeOf = ({ __created: created }: UpsertedRow): UpsertOutcome =>
  created === undefined ? 'unchanged' : created ? 'created' : 'updated';

/** One statement for all the records, and one more when some stayed as they were. @throws UserFaults */
export async function upsertRecords(
  write: Write,
  records: readonly Values[],
  pathOf: PathOf,
): Promise<Upserted> {
  refuseRepeated(records, pathOf);
  const externalIds = records.map(({ externalId }) => externalId as string);
  const currents =
    write.kind.rules.needsCurrent === true
      ? await runWrite<KindRow>(write, lockByExternalIdsSql(write, externalIds))
      : [];
  const befores = externalIds.map((id) => currents.find((row) => row.externalId === id));
  const columns = await prepare(write, records, pathOf, { creating: true, befores });
  const rows = await runUpsert(write, externalIds, columns, pathOf);
  const outcomes = rows.map(outcomeOf);
  await refuseBeyondPlan(write, outcomes.filter((outcome) => outcome === 'created').length);
  const written = rows.map((row, index) => ({
    row,
    before: befores[index],
    given: records[index] ?? {},
    created: outcomes[index] === 'created',
  }));
  await checkRules(
    write,
    written.map((each, index) => (outcomes[index] === 'unchanged' ? undefined : each)),
    pathOf,
  );
  return { rows, outcomes };
}

/** @returns the records as they are now, those that were left alone without `__created`. */
async function runUpsert(
  write: Write,
  externalIds: readonly string[],
  columns: readonly ColumnValues[],
  pathOf: PathOf,
): Promise<UpsertedRow[]> {
  const rows = columns.map((values, ord) => ({ ...values, ord, id: uuidv7() }));
  const names = [...new Set(columns.flatMap((values) => Object.keys(values)))];
  const statement = nameShaped(upsertSql(write, rows, names));
  const changed = await runBatch<UpsertedRow>(write, statement, { count: rows.length, pathOf });
  const known = new Map(changed.map((row) => [row.externalId, row]));
  const others = rows.filter((_, index) => !known.has(externalIds[index] ?? null));
  if (others.length > 0) {
    const dead = await findDeadReferences(write, others, pathOf);
    if (dead.length > 0) throw new UserFaults(dead);
    const missing = externalIds.filter((externalId) => !known.has(externalId));
    // Unnamed, so that it is planned for the keys at hand: the general plan of a prepared one was up
    // to twenty times dearer on a table that had not been analysed yet, as in the midst of an import.
    const { text, values } = byExternalIdsSql(write, missing);
    for (const row of await write.context.tx.query<KindRow>({ text, values })) {
      known.set(row.externalId, row);
    }
  }
  const found = externalIds.flatMap((externalId) => known.get(externalId) ?? []);
  if (found.length < rows.length) throw new UserFaults([overtaken([])]);
  return found;
}
