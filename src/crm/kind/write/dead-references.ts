import { notFoundError, type UserError } from '../../../graphql/user-errors';
import { runWrite, type PathOf, type Write } from './run-write';
import { deadReferencesSql, type ColumnValues } from './write-sql';

/** Which references of the rows lead nowhere. @param rows with `ord`, which `pathOf` is asked by. */
export async function findDeadReferences(
  write: Write,
  rows: readonly ColumnValues[],
  pathOf: PathOf,
): Promise<UserError[]> {
  const statement = deadReferencesSql(write, rows);
  if (statement === undefined) return [];
  const dead = await runWrite<{ ord: number; field: string }>(write, statement);
  return dead.map(({ ord, field }) => notFoundError([...pathOf(ord), field], 'record'));
}
