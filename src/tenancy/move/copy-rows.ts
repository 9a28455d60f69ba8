/**
 * Rows from one place to the other. They leave by COPY and arrive as JSON in batches: COPY into a
 * table with row security is not to be had, and columns are matched by name, in whatever order the
 * other side has them. The tenant's id is the target's.
 */
import { to as copyTo } from 'pg-copy-streams';
import { destroyConnection } from '../../database/pg-internals';
import { quoted, quoteName, writtenColumns, type TenantTable } from '../tenant-tables';
import type { PlaceTransaction } from './place';

/** The log is copied like any table, though it is none of the list. */
export const CHANGE_LOG: TenantTable = {
  name: 'change_log',
  columns: [
    'epoch',
    'xid',
    'seq',
    'at',
    'table_name',
    'record_id',
    'operation',
    'before',
    'after',
    'actor_id',
    'request_id',
  ].map((name) => ({ name, type: '', generated: false })),
  key: ['epoch', 'xid', 'seq'],
  parents: [],
  selfReferences: [],
  logged: false,
};

const ROWS_AT_ONCE = 1000;
const CHARACTERS_AT_ONCE = 1_000_000;
/** JSON holds neither as a bare character, so each line is one row as it is. */
const ONE_LINE = String.raw`(format csv, delimiter E'\x02', quote E'\x01')`;

export interface CopyOptions {
  /** SQL without parameters: COPY takes none. */
  readonly where?: string;
  readonly onRows?: (rows: number) => void | Promise<void>;
  readonly onConflict?: 'do nothing';
}

/** @returns how many rows were copied. */
export async function copyTable(
  source: PlaceTransaction,
  target: PlaceTransaction,
  table: TenantTable,
  { where = 'true', onRows, onConflict }: CopyOptions = {},
): Promise<number> {
  const insert = insertStatement(table, onConflict ?? '');
  const stream = source.client.query(
    copyTo(
      `copy (select ${imageOf(table)} from cloister.${quoteName(table.name)} t
             where tenant_id = '${source.localTenantId}' and ${where}) to stdout ${ONE_LINE}`,
    ),
  );
  let copied = 0;
  // One batch is written while the next is read.
  let writing: Promise<unknown> = Promise.resolve();
  const write = async (rows: readonly string[]): Promise<void> => {
    await writing;
    const { length } = rows;
    writing = target
      .query({ text: insert, values: [`[${rows.join(',')}]`, target.localTenantId] })
      .then(() => onRows?.(length));
    // Its failure is met at the next `await writing`.
    writing.catch(() => undefined);
    copied += length;
  };
  try {
    for await (const batch of batchesOf(linesOf(stream))) await write(batch);
    await writing;
  } catch (error) {
    // What is left of the COPY would have to be read before anything else could be asked.
    destroyConnection(source.client);
    await writing.catch(() => undefined);
    throw error;
  }
  return copied;
}

/** A row as JSON, without the tenant and what the database computes. */
export const imageOf = (table: TenantTable): string => {
  const left = table.columns.filter(({ generated }) => generated).map(({ name }) => name);
  const names = ['tenant_id', ...left].map((name) => `'${name.replaceAll("'", "''")}'`);
  return `to_jsonb(t) - array[${[...new Set(names)].join(', ')}]`;
};

/** $1: rows as a JSON array, $2: the tenant's id. */
export function insertStatement(table: TenantTable, onConflict: string): string {
  const columns = quoted(writtenColumns(table));
  const name = `cloister.${quoteName(table.name)}`;
  return `insert into ${name} (tenant_id, ${columns})
    select $2::uuid, ${columns} from json_populate_recordset(null::${name}, $1::json)
    ${onConflict === '' ? '' : `on conflict ${onConflict}`}`;
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  // A chunk may end within a character: lines are cut as bytes.
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    let from = 0;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(10, from); end >= 0; end = bytes.indexOf(10, from)) {
      yield bytes.toString('utf8', from, end);
      from = end + 1;
    }
    rest = Buffer.from(bytes.subarray(from));
  }
}

async function* batchesOf(lines: AsyncIterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = [];
  let characters = 0;
  for await (const line of lines) {
    batch.push(line);
    characters += line.length;
    if (batch.length < ROWS_AT_ONCE && characters < CHARACTERS_AT_ONCE) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}
