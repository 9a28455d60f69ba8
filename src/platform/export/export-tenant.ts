/**
 * Writes everything of one tenant into a folder, from one snapshot, as the run-time role beneath the
 * policies: no other tenant's row can be in it. The folder appears when it is complete.
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { openPlace, type PlaceTransaction } from '../../tenancy/move/place';
import type { TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import { findAppliedMigrations } from '../../database/schema-state';
import { copyOut } from './copy-out';
import { copyAsCsv, copyAsJsonLines, planExport, type TablePlan } from './exported-tables';
import { ExportError, MANIFEST, type ExportedTable, type Manifest } from './manifest';

export interface ExportOptions {
  /** Where the export is to be; must not be there yet, or be empty. */
  readonly folder: string;
  /** Beside the JSON Lines, which an import reads, files for people and their spreadsheets. */
  readonly csv: boolean;
  /** Password hashes and sealed values too: for a restore, not to be handed on. */
  readonly withSecrets: boolean;
  readonly onTable?: (table: string, rows: number, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws ExportError, TENANT_UNAVAILABLE, the signal's reason; no folder is left then. */
export async function exportTenant(
  { directory }: Pick<Tenancy, 'directory'>,
  tenant: TenantRow,
  options: ExportOptions,
): Promise<Manifest> {
  const folder = resolve(options.folder);
  await refuseFilled(folder);
  await removeAbandoned(folder);
  const partial = `${folder}.partial-${process.pid}`;
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(partial, { mode: 0o700 });
  const { tenantIdInDataSource: localTenantId } = tenant;
  if (!UUID.test(localTenantId)) throw new Error('The tenant id in the data source is no UUID.');
  const place = await openPlace(await directory.getDataSource(tenant), localTenantId);
  try {
    const manifest = await place.read((tx) => writeTables(tx, tenant, partial, options));
    await writeDurably(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    // An empty folder gives way; anything else makes this fail.
    await rename(partial, folder);
    return manifest;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await place.close();
  }
}

async function writeTables(
  tx: PlaceTransaction,
  { id, slug, name }: TenantRow,
  folder: string,
  { csv, withSecrets, onTable, signal }: ExportOptions,
): Promise<Manifest> {
  const plan = await planExport(tx, { withSecrets });
  const { rows: now } = await tx.client.query<{ now: Date }>('select now()');
  const applied = await findAppliedMigrations(tx.client, 'tenant');
  const tables: ExportedTable[] = [];
  for (const table of plan.tables) {
    signal?.throwIfAborted();
    const exported = await writeTable(tx, table, folder, { csv, ...(signal && { signal }) });
    tables.push(exported);
    onTable?.(table.name, exported.rows, tables.length, plan.tables.length);
  }
  return {
    format: 'cloister-export',
    version: 1,
    createdAt: (now[0]?.now ?? new Date()).toISOString(),
    tenant: { id, slug, name },
    schemaVersion: applied.at(-1) ?? '',
    withSecrets,
    tables,
    omitted: [...plan.omitted],
  };
}

async function writeTable(
  { client, localTenantId }: PlaceTransaction,
  table: TablePlan,
  folder: string,
  { csv, signal }: { readonly csv: boolean; readonly signal?: AbortSignal },
): Promise<ExportedTable> {
  const copy = async (command: string, name: string) => {
    const { rows, ...file } = await copyOut(client, command, {
      path: join(folder, name),
      ...(signal && { signal }),
    });
    return { rows, file: { name, ...file } };
  };
  const { name, columns } = table;
  const jsonl = await copy(copyAsJsonLines(table, localTenantId), `${name}.jsonl`);
  const sheet = csv ? await copy(copyAsCsv(table, localTenantId), `${name}.csv`) : undefined;
  return {
    name,
    columns: [...columns],
    rows: jsonl.rows,
    jsonl: jsonl.file,
    ...(sheet === undefined ? {} : { csv: sheet.file }),
  };
}

async function refuseFilled(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ExportError(
      `Expected a folder that can be made at "${folder}", but got ${String((error as NodeJS.ErrnoException).code)}.`,
    );
  });
  if (entries.length === 0) return;
  throw new ExportError(
    `Expected no folder "${folder}" or an empty one, but there is something in it: name another.`,
  );
}

/** What a killed export left; one of a process that lives is its own. */
async function removeAbandoned(folder: string): Promise<void> {
  const beginning = `${basename(folder)}.partial-`;
  const names = await readdir(dirname(folder)).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(beginning))) {
    const pid = Number(name.slice(beginning.length));
    if (Number.isInteger(pid) && pid > 0 && pid !== process.pid && lives(pid)) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
