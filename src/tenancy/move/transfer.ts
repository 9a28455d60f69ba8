/**
 * The work of a move on its two places, step by step; what a step needs to know of the one before
 * stands in the registry. See `move-tenant.ts` for their order.
 */
import { eraseTenantRows, listTenantTables, type TenantTable } from '../tenant-tables';
import { compareTables, type Difference } from './compare-places';
import { CHANGE_LOG, copyTable } from './copy-rows';
import { applyChanges, currentSnapshot, replaceTable, type ChangedIds } from './follow-changes';
import { MoveError } from './move-error';
import type { MovePhase, MoveRow } from './moves.store';
import type { Mover } from './mover';
import type { Place, PlaceTransaction } from './place';

export interface MoveProgress {
  readonly phase: MovePhase;
  readonly rows: number;
  readonly totalRows: number;
  /** Records brought up to date after they were copied. */
  readonly changes: number;
  readonly table?: string;
}

export interface Transfer {
  readonly mover: Mover;
  readonly source: Place;
  readonly target: Place;
  /** Records brought over since they were copied. */
  readonly tally: { changes: number };
  readonly onProgress: (progress: MoveProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Few enough to be brought over behind the fence. */
const NEARLY_CAUGHT_UP = 25;
const PASSES_AT_MOST = 200;
const PROGRESS_EVERY_ROWS = 5000;

export async function tablesOf(source: Place, target: Place): Promise<TenantTable[]> {
  const tables = await source.read(listTenantTables);
  const there = new Map(
    (await target.read(listTenantTables)).map((table) => [table.name, shapeOf(table)]),
  );
  if (!tables.some(({ logged }) => logged)) {
    throw new MoveError(
      `Expected a change log in ${source.name}, but its schema is older: run \`cloister migrate\`, then try again.`,
    );
  }
  const different = tables.filter((table) => there.get(table.name) !== shapeOf(table));
  if (different.length > 0 || there.size !== tables.length) {
    throw new MoveError(
      `Expected both data sources to have the same schema, but ${target.name} differs` +
        `${different.length > 0 ? ` in ${different.map(({ name }) => name).join(', ')}` : ''}: ` +
        'run `cloister migrate`, then try again.',
    );
  }
  return tables;
}

const shapeOf = ({ columns }: TenantTable): string =>
  columns
    .map(({ name, type, generated }) => `${name} ${type} ${String(generated)}`)
    .sort()
    .join('\n');

/** Empties the place at the target and names the tenant there, as one that nobody writes to yet. */
export async function prepare({ source, target }: Transfer): Promise<void> {
  await eraseTenantRows({ transaction: target.write });
  const [tenant] = await source.read((tx) =>
    tx.query<{ slug: string; name: string; created_at: string }>({
      text: 'select slug, name, created_at::text from cloister.tenants where tenant_id = $1',
      values: [tx.localTenantId],
    }),
  );
  if (tenant === undefined) throw new MoveError(`The tenant is not in ${source.name}.`);
  await target.write((tx) =>
    tx.query({
      text: `insert into cloister.tenants (tenant_id, slug, name, created_at, moved_at)
             values ($1, $2, $3, $4::timestamptz, now())`,
      values: [tx.localTenantId, tenant.slug, tenant.name, tenant.created_at],
    }),
  );
}

/** @returns the snapshot that the target holds afterwards. */
export async function copy(transfer: Transfer, move: MoveRow): Promise<string> {
  const { mover, source, target, onProgress, signal } = transfer;
  const tables = [...(await tablesOf(source, target)), CHANGE_LOG];
  return source.read(async (from) => {
    const snapshot = await currentSnapshot(from);
    const totalRows = await countRows(from, tables);
    await mover.moves.update(move.id, { rowsTotal: totalRows, rowsCopied: 0, changesApplied: 0 });
    let rows = 0;
    let told = 0;
    for (const table of tables) {
      const onRows = async (more: number): Promise<void> => {
        signal?.throwIfAborted();
        rows += more;
        onProgress({ phase: 'copy', rows, totalRows, changes: 0, table: table.name });
        if (rows - told < PROGRESS_EVERY_ROWS) return;
        told = rows;
        await mover.moves.update(move.id, { rowsCopied: rows });
      };
      await target.write((to) => copyTable(from, to, table, { onRows }));
    }
    await mover.moves.update(move.id, { rowsCopied: rows });
    return snapshot;
  });
}

interface Pass {
  readonly snapshot: string;
  readonly changed: ChangedIds;
}

/** One pass over what has changed since; `then` sees both places when they are equal. */
export async function pass(
  { source, target, tally }: Transfer,
  tables: readonly TenantTable[],
  since: string,
  then?: (from: PlaceTransaction, to: PlaceTransaction, changed: ChangedIds) => Promise<void>,
): Promise<Pass> {
  return source.read(async (from) => {
    const snapshot = await currentSnapshot(from);
    const changed = await target.write(async (to) => {
      const ids = await applyChanges(from, to, tables, since);
      await then?.(from, to, ids);
      return ids;
    });
    tally.changes += sizeOf(changed);
    return { snapshot, changed };
  });
}

const sizeOf = (changed: ChangedIds): number =>
  [...changed.values()].reduce((sum, ids) => sum + ids.length, 0);

/** Until little is left to bring over. @returns the snapshot that the target holds. */
export async function follow(
  transfer: Transfer,
  move: MoveRow,
  since: string,
  {
    phase = 'follow',
    onChanged,
  }: { phase?: 'follow' | 'switch'; onChanged?: (changed: ChangedIds) => void } = {},
): Promise<string> {
  const { mover, source, target, signal } = transfer;
  const tables = await tablesOf(source, target);
  let snapshot = since;
  for (let passes = 0; passes < PASSES_AT_MOST; passes += 1) {
    signal?.throwIfAborted();
    const next = await pass(transfer, tables, snapshot);
    snapshot = next.snapshot;
    onChanged?.(next.changed);
    await mover.moves.update(move.id, {
      copiedSnapshot: snapshot,
      changesApplied: transfer.tally.changes,
    });
    tell(transfer, move, phase);
    if (sizeOf(next.changed) <= NEARLY_CAUGHT_UP) return snapshot;
  }
  throw new MoveError(
    `Expected to catch up with what is written to the tenant, but after ${PASSES_AT_MOST} passes as ` +
      'much comes as goes: resume the move when less is written.',
  );
}

/** Every table of both places at one snapshot, while the tenant works on. @throws MoveError */
export async function verify(transfer: Transfer, move: MoveRow, since: string): Promise<string> {
  const { source, target, onProgress, tally } = transfer;
  const tables = await tablesOf(source, target);
  const [logged, replaced] = byLog(tables);
  let rows = 0;
  const { snapshot } = await pass(transfer, logged, since, async (from, to) => {
    for (const table of replaced) await replaceTable(from, to, table);
    const found = await compareTables(from, to, [...tables, CHANGE_LOG], (table, more) => {
      rows += more;
      const totalRows = Math.max(move.rowsTotal, rows);
      onProgress({ phase: 'verify', rows, totalRows, changes: tally.changes, table });
    });
    refuseDifferences(found);
  });
  return snapshot;
}

export const byLog = (tables: readonly TenantTable[]): [TenantTable[], TenantTable[]] => [
  tables.filter(({ logged }) => logged),
  tables.filter(({ logged }) => !logged),
];

export function refuseDifferences(found: readonly Difference[]): void {
  if (found.length === 0) return;
  const told = found.map(
    ({ table, source, target }) =>
      `${table} (${source.rows} rows here, ${target.rows} there${source.rows === target.rows ? ', other content' : ''})`,
  );
  throw new MoveError(
    `Expected both places to hold the same, but they differ in ${told.join(', ')}: ` +
      'nothing was switched. Take the move back with `--rollback` and begin anew.',
  );
}

async function countRows(from: PlaceTransaction, tables: readonly TenantTable[]): Promise<number> {
  const counts = tables.map(
    ({ name }) => `(select count(*) from cloister.${name} where tenant_id = $1)`,
  );
  const [row] = await from.query<{ count: number }>({
    text: `select (${counts.join(' + ')})::float8 as count`,
    values: [from.localTenantId],
  });
  return row?.count ?? 0;
}

function tell(
  { onProgress, tally: { changes } }: Transfer,
  { rowsTotal, rowsCopied }: MoveRow,
  phase: MovePhase,
): void {
  onProgress({ phase, rows: rowsCopied, totalRows: rowsTotal, changes });
}
