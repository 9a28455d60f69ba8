/** Deletion, which can be undone, and removal for good. */
import { conflictError, notFoundError, UserFaults } from '../../../graphql/user-errors';
import type { KindRow } from '../kind';
import { wordingOf } from '../wording';
import { deleteParts, restoreParts } from './owned-parts';
import { checkRemoved } from './rules';
import { runWrite, withFaultsAt, type PathOf, type Write } from './run-write';
import { deleteSql, lockSql, purgeSql, restoreSql } from './write-sql';

/** @param ids each once. @throws UserFaults */
export async function deleteRecords(
  write: Write,
  ids: readonly string[],
  pathOf: PathOf,
): Promise<KindRow[]> {
  const deleted = await runWrite<KindRow>(write, deleteSql(write, ids));
  const byId = new Map(deleted.map((row) => [row.id, row]));
  const errors = ids.flatMap((id, index) =>
    byId.has(id) ? [] : [notFoundError(pathOf(index), wordingOf(write.kind).one)],
  );
  if (errors.length > 0) throw new UserFaults(errors);
  await deleteParts(write, ids);
  const rows = ids.flatMap((id) => byId.get(id) ?? []);
  await checkRemoved(write, rows, pathOf);
  return rows;
}

/** @throws UserFaults when it is not deleted, or what it is a part of is. */
export async function restoreRecord(
  write: Write,
  id: string,
  path: readonly string[],
): Promise<KindRow> {
  const { one } = wordingOf(write.kind);
  const [before] = await runWrite<KindRow>(write, lockSql(write, [id]));
  const deletedAt = before?.deletedAt ?? null;
  if (deletedAt === null) throw new UserFaults([notFoundError(path, `deleted ${one}`)]);
  const row = await withFaultsAt(path, async () => {
    const [restored] = await runWrite<KindRow>(write, restoreSql(write, id));
    if (restored !== undefined) await restoreParts(write, [id], deletedAt);
    return restored;
  });
  if (row === undefined) {
    const message = `What this ${one} is a part of is deleted: restore that first.`;
    throw new UserFaults([conflictError(path, message)]);
  }
  await write.kind.rules.restored?.(write.context, row);
  return row;
}

/** @throws UserFaults when it is not there, or others refer to it. */
export async function purgeRecord(
  write: Write,
  id: string,
  path: readonly string[],
): Promise<void> {
  const [purged] = await runWrite<KindRow>(write, purgeSql(write, id), path);
  if (purged === undefined) {
    throw new UserFaults([notFoundError(path, wordingOf(write.kind).one)]);
  }
  await checkRemoved(write, [purged], () => path);
}
