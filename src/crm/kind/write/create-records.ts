import { uuidv7 } from 'uuidv7';
import { UserFaults } from '../../../graphql/user-errors';
import type { KindRow, Values } from '../kind';
import { nameFixed } from '../statement-names';
import { refuseBeyondPlan } from './beyond-plan';
import { findDeadReferences } from './dead-references';
import { checkRules, prepare } from './rules';
import { overtaken, runBatch, type PathOf, type Write } from './run-write';
import { insertSql } from './write-sql';

/** One statement for all the records; in their order. @throws UserFaults */
export async function createRecords(
  write: Write,
  records: readonly Values[],
  pathOf: PathOf,
): Promise<KindRow[]> {
  const columns = await prepare(write, records, pathOf, { creating: true });
  const rows = columns.map((values, ord) => ({ ...values, ord, id: uuidv7() }));
  const batch = { count: rows.length, pathOf };
  const inserted = await runBatch<KindRow>(write, nameFixed(insertSql(write, rows)), batch);
  if (inserted.length < rows.length) {
    const dead = await findDeadReferences(write, rows, pathOf);
    throw new UserFaults(dead.length > 0 ? dead : [overtaken([])]);
  }
  await refuseBeyondPlan(write, rows.length);
  const byId = new Map(inserted.map((row) => [row.id, row]));
  const created = rows.flatMap(({ id }) => byId.get(id) ?? []);
  const written = created.map((row, index) => ({
    row,
    before: undefined,
    given: records[index] ?? {},
    created: true,
  }));
  await checkRules(write, written, pathOf);
  return created;
}
