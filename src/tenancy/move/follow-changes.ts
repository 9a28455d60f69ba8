/**
 * Brings the target from one snapshot of the source to the next. The log says which records changed
 * between the two; what they are now is read from their tables, secrets included, so that the target
 * equals the snapshot whatever happened in between. Repeating it does no harm.
 */
import { DatabaseError } from 'pg';
import { quoted, quoteName, writtenColumns, type TenantTable } from '../tenant-tables';
import { CHANGE_LOG, copyTable, imageOf, insertStatement } from './copy-rows';
import type { PlaceTransaction } from './place';

export type ChangedIds = ReadonlyMap<string, readonly string[]>;

const SNAPSHOT = /^\d+:\d+:[\d,]*$/;
const IDS_AT_ONCE = 1000;
const UNIQUE_VIOLATION = '23505';

/** What of its server a transaction sees. */
export async function currentSnapshot(tx: PlaceTransaction): Promise<string> {
  const [row] = await tx.query<{ snapshot: string }>({
    text: 'select pg_current_snapshot()::text as snapshot',
    values: [],
  });
  return row?.snapshot ?? '';
}

/** What the log has that `since` did not see: transactions that ran then and those that came after. */
const unseen = (since: string): string => {
  if (!SNAPSHOT.test(since)) throw new Error('Expected a snapshot as Postgres writes it.');
  // The policy shows one tenant; a condition on its id would hide the epoch from the index.
  return `epoch = (select change_epoch from cloister.tenants)
    and xid >= pg_snapshot_xmin('${since}'::pg_snapshot)
    and not pg_visible_in_snapshot(xid, '${since}'::pg_snapshot)`;
};

/** @param source a transaction with one snapshot. @param target one that writes. */
export async function applyChanges(
  source: PlaceTransaction,
  target: PlaceTransaction,
  tables: readonly TenantTable[],
  since: string,
): Promise<ChangedIds> {
  const changed = await source.query<{ name: string; ids: string[] }>({
    text: `select table_name as name, array_agg(distinct record_id)::text[] as ids
           from cloister.change_log t where tenant_id = $1 and ${unseen(since)} group by table_name`,
    values: [source.localTenantId],
  });
  const idsByTable = new Map(changed.map(({ name, ids }) => [name, ids]));
  if (idsByTable.size === 0) return idsByTable;
  const touched = tables.filter(({ name }) => idsByTable.has(name));
  const gone = new Map<string, string[]>();
  for (const table of touched) {
    gone.set(table.name, await putRows(source, target, table, idsByTable.get(table.name) ?? []));
  }
  // After the rows that have left them for other parents, or they would be taken along.
  for (const { name } of [...touched].reverse())
    await removeRows(target, name, gone.get(name) ?? []);
  await copyTable(source, target, CHANGE_LOG, { where: unseen(since), onConflict: 'do nothing' });
  return idsByTable;
}

/** Tables without a log of their own are few and small: they are written anew. */
export async function replaceTable(
  source: PlaceTransaction,
  target: PlaceTransaction,
  table: TenantTable,
): Promise<void> {
  await target.query({
    text: `delete from cloister.${quoteName(table.name)} where tenant_id = $1`,
    values: [target.localTenantId],
  });
  await copyTable(source, target, table);
}

/** @returns the ids that the source does not have any more. */
async function putRows(
  source: PlaceTransaction,
  target: PlaceTransaction,
  table: TenantTable,
  ids: readonly string[],
): Promise<string[]> {
  const point = async (command: string): Promise<void> => {
    await target.query({ text: `${command} move_rows`, values: [] });
  };
  await point('savepoint');
  let gone: string[];
  try {
    gone = await upsertRows(source, target, table, ids);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== UNIQUE_VIOLATION) throw error;
    // A key has passed from one record to another. Keys are those of live records, so all that
    // changed step aside first, and come back as they are.
    await point('rollback to savepoint');
    await target.query({
      text: `update cloister.${quoteName(table.name)} set deleted_at = now()
             where tenant_id = $1 and id = any($2::uuid[])`,
      values: [target.localTenantId, ids],
    });
    gone = await upsertRows(source, target, table, ids);
  }
  await point('release savepoint');
  return gone;
}

async function upsertRows(
  source: PlaceTransaction,
  target: PlaceTransaction,
  table: TenantTable,
  ids: readonly string[],
): Promise<string[]> {
  const key = quoted(['tenant_id', ...table.key]);
  const set = writtenColumns(table)
    .filter((name) => !table.key.includes(name))
    .map((name) => `${quoteName(name)} = excluded.${quoteName(name)}`);
  const insert = insertStatement(table, `(${key}) do update set ${set.join(', ')}`);
  const gone: string[] = [];
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    const some = ids.slice(from, from + IDS_AT_ONCE);
    const rows = await source.query<{ id: string; image: string }>({
      text: `select id, (${imageOf(table)})::text as image from cloister.${quoteName(table.name)} t
             where tenant_id = $1 and id = any($2::uuid[])`,
      values: [source.localTenantId, some],
    });
    const there = new Set(rows.map(({ id }) => id));
    gone.push(...some.filter((id) => !there.has(id)));
    if (rows.length === 0) continue;
    const images = rows.map(({ image }) => image);
    await target.query({ text: insert, values: [`[${images.join(',')}]`, target.localTenantId] });
  }
  return gone;
}

async function removeRows(
  target: PlaceTransaction,
  table: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await target.query({
    text: `delete from cloister.${quoteName(table)} where tenant_id = $1 and id = any($2::uuid[])`,
    values: [target.localTenantId, ids],
  });
}
