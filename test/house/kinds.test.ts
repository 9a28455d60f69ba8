/** A kind says what its table holds; the migration says it again in SQL. Here they are held together. */
import { Client } from 'pg';
import { addressPartColumn, columnOf, sqlTypeOf, SYSTEM_COLUMNS } from '../../src/crm/kind/columns';
import { ADDRESS_PARTS, isNotNull, type Field } from '../../src/crm/kind/fields';
import type { Kind } from '../../src/crm/kind/kind';
import { kinds } from '../../src/crm/kinds';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testTenantTemplate } from '../support/world';

interface Column {
  readonly type: string;
  readonly notNull: boolean;
  readonly generated: boolean;
  /** SQL literal; absent for generated columns. */
  readonly default?: string;
}

type Columns = Record<string, Column>;

const column = (type: string, rest: Partial<Column> = {}): Column => ({
  type,
  notNull: false,
  generated: false,
  ...rest,
});

const SYSTEM: Columns = {
  tenant_id: column('uuid', { notNull: true }),
  [SYSTEM_COLUMNS.id]: column('uuid', { notNull: true }),
  [SYSTEM_COLUMNS.externalId]: column('text'),
  [SYSTEM_COLUMNS.version]: column('integer', { notNull: true, default: '1' }),
  [SYSTEM_COLUMNS.createdAt]: column('timestamptz', { notNull: true, default: 'now()' }),
  [SYSTEM_COLUMNS.updatedAt]: column('timestamptz', { notNull: true, default: 'now()' }),
  [SYSTEM_COLUMNS.createdById]: column('uuid'),
  [SYSTEM_COLUMNS.updatedById]: column('uuid'),
  [SYSTEM_COLUMNS.deletedAt]: column('timestamptz'),
};

/** The columns that the definition of a kind asks for. */
function expectedColumns(kind: Kind): Columns {
  const columns: Columns = { ...SYSTEM };
  for (const [name, field] of Object.entries(kind.fields)) {
    if (field.inputOnly === true) continue;
    Object.assign(columns, columnsOfField(name, field));
  }
  for (const parent of kind.parents) {
    columns[parent.column] = column('uuid', { notNull: parent.required === true });
  }
  for (const name of kind.derivedColumns ?? []) columns[name] = column('text');
  if (kind.search !== undefined) columns['search_text'] = column('text', { generated: true });
  return columns;
}

function columnsOfField(name: string, field: Field): Columns {
  const own = columnOf(name, field);
  const generated = field.computed !== undefined;
  const columns: Columns = {
    [own]: column(sqlTypeOf(field), {
      generated,
      notNull: isNotNull(field),
      ...(field.default === undefined ? {} : { default: field.default }),
    }),
  };
  if (field.type === 'money') columns[`${own}_currency`] = column('text', { generated });
  if (field.type === 'address') {
    for (const part of ADDRESS_PARTS) {
      columns[addressPartColumn(name, field, part)] = column('text', { generated: true });
    }
  }
  return columns;
}

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await cloneDatabase(await testTenantTemplate());
  client = new Client({ connectionString: database.superuserUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

async function actualColumns({ table }: Kind): Promise<Columns> {
  const { rows } = await client.query<Column & { name: string; default: string | null }>(
    `select a.attname as name, t.typname as type, a.attnotnull as "notNull",
       a.attgenerated <> '' as generated,
       case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as default
     from pg_attribute a join pg_type t on t.oid = a.atttypid
     left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped`,
    [`cloister.${table}`],
  );
  return Object.fromEntries(
    rows.map(({ name, type, default: literal, ...rest }) => [
      name,
      {
        ...rest,
        type: { int4: 'integer', bool: 'boolean' }[type] ?? type,
        // Postgres writes the type of a literal behind it.
        ...(literal === null ? {} : { default: literal.replace(/::[a-z ]+$/, '') }),
      },
    ]),
  );
}

describe.each(kinds.kinds.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => {
  it('has the columns that its definition asks for, and no others', async () => {
    expect(await actualColumns(kind)).toEqual(expectedColumns(kind));
  });

  it('takes the values of its enumerations and no others', async () => {
    for (const [name, field] of Object.entries(kind.fields)) {
      if (field.values === undefined) continue;
      const { rows } = await client.query<{ check: string }>(
        `select pg_get_constraintdef(oid) as check from pg_constraint
         where conrelid = $1::regclass and contype = 'c' and conname = $2`,
        [`cloister.${kind.table}`, `${kind.table}_${columnOf(name, field)}_check`],
      );
      const values = [...(rows[0]?.check ?? '').matchAll(/'([^']*)'/g)].map(([, value]) => value);
      expect({ [name]: values.sort() }).toEqual({ [name]: [...field.values].sort() });
    }
  });

  it('refers to its parents by foreign keys that are found by their names', async () => {
    const { rows } = await client.query<{ name: string; table: string }>(
      `select conname as name, (select relname from pg_class where oid = confrelid) as table
       from pg_constraint where conrelid = $1::regclass and contype = 'f'`,
      [`cloister.${kind.table}`],
    );
    expect(Object.fromEntries(rows.map(({ name, table }) => [name, table]))).toEqual(
      Object.fromEntries(
        kind.parents.map((parent) => [
          `${kind.table}_${parent.column}_fkey`,
          kinds.get(parent.kind).table,
        ]),
      ),
    );
  });

  it('has words only for constraints that exist', async () => {
    const { rows } = await client.query<{ name: string }>(
      `select conname as name from pg_constraint where conrelid = $1::regclass
       union select relname from pg_class join pg_index on indexrelid = oid
       where indrelid = $1::regclass and indisunique`,
      [`cloister.${kind.table}`],
    );
    const known = rows.map(({ name }) => name);
    const named = Object.keys(kind.constraints ?? {});
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});
