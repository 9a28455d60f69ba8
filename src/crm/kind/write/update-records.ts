import {
  conflictError,
  notFoundError,
  UserFaults,
  type UserError,
} from '../../../graphql/user-errors';
import type { KindRow, Values } from '../kind';
import { wordingOf } from '../wording';
import { findDeadReferences } from './dead-references';
import { checkRules, prepare } from './rules';
import { overtaken, runWrite, type PathOf, type Write } from './run-write';
import { lockSql, updateSql, type ColumnValues } from './write-sql';

export interface Update {
  readonly id: string;
  readonly version: number;
  readonly values: Values;
}

/** One statement for each record, since each may change other columns. @throws UserFaults */
export async function updateRecords(
  write: Write,
  updates: readonly Update[],
  pathOf: PathOf,
): Promise<KindRow[]> {
  const ids = updates.map(({ id }) => id);
  const currents =
    write.kind.rules.needsCurrent === true
      ? await runWrite<KindRow>(write, lockSql(write, ids))
      : [];
  const befores = ids.map((id) => currents.find((row) => row.id === id));
  const records = updates.map(({ values }) => values);
  const columns = await prepare(write, records, pathOf, { creating: false, befores });
  const rows: KindRow[] = [];
  const errors: UserError[] = [];
  for (const [index, update] of updates.entries()) {
    const path = pathOf(index);
    const changes = columns[index] ?? {};
    const statement = updateSql(write, update.id, update.version, changes);
    const [row] = await runWrite<KindRow>(write, statement, path);
    if (row === undefined) errors.push(...(await whyNotUpdated(write, update, changes, path)));
    else rows.push(row);
  }
  if (errors.length > 0) throw new UserFaults(errors);
  const written = rows.map((row, index) => ({
    row,
    before: befores[index],
    given: records[index] ?? {},
    created: false,
  }));
  await checkRules(write, written, pathOf);
  return rows;
}

/** Why an update found no row to change. */
async function whyNotUpdated(
  write: Write,
  { id, version }: Update,
  changes: ColumnValues,
  path: readonly string[],
): Promise<UserError[]> {
  const { one } = wordingOf(write.kind);
  const [current] = await runWrite<KindRow>(write, lockSql(write, [id]));
  if (current === undefined || current.deletedAt !== null) {
    return [notFoundError([...path, 'id'], one)];
  }
  if (current.version !== version) {
    const message = `The ${one} was changed meanwhile: expected version ${version}, but it is ${current.version}. Read it again.`;
    return [conflictError([...path, 'version'], message)];
  }
  const dead = await findDeadReferences(write, [{ ...changes, ord: 0, id }], () => path);
  return dead.length > 0 ? dead : [overtaken(path)];
}
