/** Marks the tables that the API does not write, such as an import's progress, whatever they are. */
import { randomBytes, randomInt } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { TestDatabase } from './databases';
import type { World } from './world';

interface Column {
  readonly name: string;
  readonly type: string;
  /** The table whose rows the column refers to. */
  readonly parent: string | null;
  /** One of the few words that the column takes, where a CHECK lists them. */
  readonly allowed: string | null;
}

const COLUMNS = `
  select a.attname::text as name, format_type(a.atttypid, null) as type,
    (select f.confrelid::regclass::text from pg_constraint f where f.contype = 'f' and f.conrelid = a.attrelid
      and a.attnum = any(f.conkey) limit 1) as parent,
    (select substring(pg_get_constraintdef(k.oid) from 'ANY \\(+(?:ARRAY\\[)?''([^'']+)''') from pg_constraint k
      where k.contype = 'c' and k.conrelid = a.attrelid and k.conkey = array[a.attnum] limit 1) as allowed
  from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and (a.attnotnull and not a.atthasdef or a.atttypid = 'text'::regtype)`;

/** Gives the tenant a marked row in each of the tables where it has none. */
export async function fillEmptyTables(
  world: World,
  database: TestDatabase,
  tables: readonly string[],
  localTenantId: string,
  mark: string,
): Promise<void> {
  const waiting = new Set<string>();
  for (const table of tables) {
    const found = await world.sql(
      database,
      `select 1 from cloister.${table} where tenant_id = $1 limit 1`,
      [localTenantId],
    );
    if (found.length === 0) waiting.add(`cloister.${table}`);
  }
  while (waiting.size > 0) {
    const before = waiting.size;
    for (const table of waiting) {
      const columns = await world.sql<Column>(database, COLUMNS, [table]);
      if (
        columns.some(
          ({ name, parent }) => name !== 'tenant_id' && parent !== null && waiting.has(parent),
        )
      )
        continue;
      const row: Record<string, unknown> = {};
      for (const column of columns)
        row[column.name] = await valueOf(world, database, column, localTenantId, mark);
      const names = columns.map(({ name }) => name).join(', ');
      await world.sql(
        database,
        `insert into ${table} (${names}) select ${names} from jsonb_populate_record(null::${table}, $1)`,
        [JSON.stringify(row)],
      );
      waiting.delete(table);
    }
    if (waiting.size === before)
      throw new Error(`Tables refer to each other in a circle: ${[...waiting].join(', ')}.`);
  }
}

async function valueOf(
  world: World,
  database: TestDatabase,
  { name, type, parent, allowed }: Column,
  localTenantId: string,
  mark: string,
): Promise<unknown> {
  if (name === 'tenant_id') return localTenantId;
  if (parent !== null) {
    const [row] = await world.sql<{ id: string }>(
      database,
      `select id from ${parent} where tenant_id = $1 limit 1`,
      [localTenantId],
    );
    return row?.id;
  }
  switch (type) {
    case 'uuid':
      return uuidv7();
    case 'text':
      return allowed ?? mark;
    case 'bytea':
      return `\\x${randomBytes(32).toString('hex')}`; // all of them are hashes
    case 'text[]':
      return [mark];
    case 'jsonb':
      return { text: mark };
    case 'integer':
    case 'bigint':
      return randomInt(1_000_000_000);
    default:
      return type.startsWith('timestamp') ? new Date().toISOString() : null;
  }
}
