/**
 * Puts an export into a tenant that has no rows yet. Each batch is one transaction, which also says
 * how far it is, so that an import that was killed goes on where it stopped. At the end each table is
 * read back and must give the very bytes of the export.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createEmailIndexKeyOf } from '../../auth/email-address';
import { RowFault } from '../../database/postgres-errors';
import type { SqlRunner } from '../../database/statement';
import { openPlace } from '../../tenancy/move/place';
import type { TenantRow } from '../../tenancy/registry.store';
import type { OperationSession } from '../../tenancy/session.port';
import type { Tenancy } from '../../tenancy/tenancy';
import { quoteName } from '../../tenancy/tenant-tables';
import { copyOut } from './copy-out';
import { copyAsJsonLines } from './exported-tables';
import { advanceImportRun, beginImportRun, findImportRun, type ImportRun } from './import-runs';
import { insertRows, planImport, updateReferences, type ImportedTable } from './import-tables';
import { ExportError, readManifest, verifyFiles, type Manifest } from './manifest';

export interface ImportExportDependencies {
  readonly tenancy: Pick<Tenancy, 'directory' | 'openSession' | 'registry'>;
  readonly emailIndexKey: string;
}

export interface ImportExportOptions {
  readonly folder: string;
  readonly onBegin?: (manifest: Manifest, resumed: boolean) => void;
  readonly onTable?: (table: string, rows: number) => void;
  readonly onBatch?: (table: string, line: number) => void;
  readonly signal?: AbortSignal;
}

export interface ImportedExport {
  readonly rows: number;
  /** An earlier import of this very export was finished: nothing was done. */
  readonly done: boolean;
  /** Tables of the export that were left out, and why. */
  readonly skipped: readonly { readonly table: string; readonly because: string }[];
}

const ROWS_AT_ONCE = 500;
const CHARACTERS_AT_ONCE = 1_000_000;

/** @throws ExportError, TENANT_UNAVAILABLE, the signal's reason: the same again goes on. */
export async function importExport(
  { tenancy, emailIndexKey }: ImportExportDependencies,
  tenant: TenantRow,
  { folder, onBegin, onTable, onBatch, signal }: ImportExportOptions,
): Promise<ImportedExport> {
  const { manifest, fingerprint } = await readManifest(folder);
  await verifyFiles(folder, manifest);
  const { kept, skipped } = without(manifest, tenant);
  const session = tenancy.openSession(tenant);
  try {
    const { run, tables, resumed } = await begin(session, kept, fingerprint);
    const rows = tables.reduce((sum, { exported }) => sum + exported.rows, 0);
    // What people have written since is theirs, and no fault of the import.
    if (run.finished) return { rows, done: true, skipped };
    onBegin?.(kept, resumed);
    const passes = [
      ...tables.map((table) => ({ table, sql: insertRows(table), first: true })),
      ...tables
        .filter(({ late }) => late.length > 0)
        .map((table) => ({ table, sql: updateReferences(table), first: false })),
    ];
    for (const [index, { table, sql, first }] of passes.entries()) {
      if (index < run.tableIndex) continue;
      await writeTable(session, run, { table, sql, folder, index }, { onBatch, signal });
      if (first) onTable?.(table.name, table.exported.rows);
    }
    await indexEmails({ tenancy, emailIndexKey }, tenant, session);
    await verify(tenancy, tenant, tables);
    const end = { tableIndex: passes.length, line: 0, finished: true };
    await session.transaction((tx) => advanceImportRun(tx, run, end));
    return { rows, done: false, skipped };
  } finally {
    await session.end();
  }
}

/** What was sealed for a tenant opens for no other. */
function without(manifest: Manifest, tenant: TenantRow) {
  const sealed = manifest.tables.filter(({ columns }) =>
    columns.some((column) => column.endsWith('_sealed')),
  );
  if (manifest.tenant.id === tenant.id || sealed.length === 0) {
    return { kept: manifest, skipped: [] };
  }
  return {
    kept: { ...manifest, tables: manifest.tables.filter((table) => !sealed.includes(table)) },
    skipped: sealed.map(({ name }) => ({ table: name, because: 'sealed for another tenant' })),
  };
}

async function begin(
  session: OperationSession,
  manifest: Manifest,
  fingerprint: string,
): Promise<{ run: ImportRun; tables: ImportedTable[]; resumed: boolean }> {
  return session.transaction(async (tx) => {
    const tables = await planImport(tx, manifest);
    const known = await findImportRun(tx, fingerprint);
    if (known !== undefined) return { run: known, tables, resumed: true };
    for (const { name } of tables) {
      const rows = await tx.query({
        text: `select 1 from cloister.${quoteName(name)} where tenant_id = $1 limit 1`,
        values: [tx.localTenantId],
      });
      if (rows.length === 0) continue;
      throw new ExportError(
        `Expected a tenant without any rows, but ${name} has some: import into a new one, or replace what this one has (--replace).`,
      );
    }
    return { run: await beginImportRun(tx, fingerprint), tables, resumed: false };
  });
}

interface Watching {
  readonly onBatch: ImportExportOptions['onBatch'] | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Pass {
  readonly table: ImportedTable;
  readonly sql: string;
  readonly folder: string;
  readonly index: number;
}

async function writeTable(
  session: OperationSession,
  run: ImportRun,
  { table, sql, folder, index }: Pass,
  { onBatch, signal }: Watching,
): Promise<void> {
  const done = run.tableIndex === index ? run.line : 0;
  let line = 0;
  for await (const batch of batchesOf(join(folder, table.exported.jsonl.name), done)) {
    signal?.throwIfAborted();
    line = (line === 0 ? done : line) + batch.length;
    const at = { tableIndex: index, line };
    await session.transaction(async (tx) => {
      await write(tx, table, sql, batch);
      await advanceImportRun(tx, run, at);
    });
    Object.assign(run, at, { revision: run.revision + 1 });
    onBatch?.(table.name, line);
  }
  run.line = 0;
}

async function write(
  tx: SqlRunner,
  { name }: ImportedTable,
  sql: string,
  batch: readonly string[],
): Promise<void> {
  try {
    await tx.query({ text: sql, values: [tx.localTenantId, `[${batch.join(',')}]`] });
  } catch (error) {
    if (!(error instanceof RowFault)) throw error;
    throw new ExportError(
      `The data source refused rows of ${name} (${error.kind}${error.constraint === undefined ? '' : `, ${error.constraint}`}): somebody wrote to the tenant meanwhile, or the export is not one of ours.`,
    );
  }
}

async function* batchesOf(path: string, skipped: number): AsyncGenerator<string[]> {
  const input = createReadStream(path);
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  let batch: string[] = [];
  let characters = 0;
  try {
    for await (const line of lines) {
      number += 1;
      if (number <= skipped) continue;
      batch.push(line);
      characters += line.length;
      if (batch.length < ROWS_AT_ONCE && characters < CHARACTERS_AT_ONCE) continue;
      yield batch;
      batch = [];
      characters = 0;
    }
    if (batch.length > 0) yield batch;
  } finally {
    input.destroy();
  }
}

/** So that its people can sign in: the registry knows tenants by their users' addresses. */
async function indexEmails(
  { tenancy, emailIndexKey }: ImportExportDependencies,
  tenant: TenantRow,
  session: OperationSession,
): Promise<void> {
  const keyOf = createEmailIndexKeyOf(emailIndexKey);
  const users = await session.query<{ key: string }>({
    text: `select email_key as key from cloister.users
           where tenant_id = $1 and email_key is not null and deleted_at is null`,
    values: [session.localTenantId],
  });
  for (const { key } of users) await tenancy.registry.addEmail(keyOf(key), tenant.id);
}

/** @throws ExportError when the tenant does not give back what was put in. */
async function verify(
  { directory }: Pick<Tenancy, 'directory'>,
  tenant: TenantRow,
  tables: readonly ImportedTable[],
): Promise<void> {
  const source = await directory.getDataSource(tenant);
  const place = await openPlace(source, tenant.tenantIdInDataSource);
  try {
    await place.read(async ({ client, localTenantId }) => {
      for (const table of tables) {
        const { rows, sha256 } = await copyOut(client, copyAsJsonLines(table, localTenantId));
        if (rows === table.exported.rows && sha256 === table.exported.jsonl.sha256) continue;
        throw new ExportError(
          `Expected ${table.exported.rows} rows of ${table.name} as the export has them, but found ${rows}${rows === table.exported.rows ? ' that differ' : ''}: somebody wrote to the tenant meanwhile.`,
        );
      }
    });
  } finally {
    await place.close();
  }
}
