/** A rotation must find every sealed value: a column it does not know would lose its keys. */
import { Client } from 'pg';
import {
  REGISTRY_SEALED_COLUMNS,
  TENANT_SEALED_COLUMNS,
} from '../../src/tenancy/secrets/sealed-columns';
import { cloneDatabase } from '../support/databases';
import { testRegistryTemplate, testTenantTemplate } from '../support/world';

/** Data keys themselves: what a rotation seals anew, not with a data key. */
const NOT_WITH_DATA_KEYS = ['data_keys.key_sealed'];

it.each([
  ['registry', testRegistryTemplate, REGISTRY_SEALED_COLUMNS],
  ['cloister', testTenantTemplate, TENANT_SEALED_COLUMNS],
] as const)(
  'lists every column of the schema %s whose name ends in _sealed',
  async (schema, template, listed) => {
    const database = await cloneDatabase(await template());
    const client = new Client({ connectionString: database.superuserUrl });
    await client.connect();
    try {
      const { rows } = await client.query<{ name: string }>(
        `select table_name || '.' || column_name as name from information_schema.columns
         where table_schema = $1 and column_name like '%\\_sealed'`,
        [schema],
      );
      const found = rows
        .map(({ name }) => name)
        .filter((name) => !NOT_WITH_DATA_KEYS.includes(name));
      expect(found.sort()).toEqual(listed.map(({ table, column }) => `${table}.${column}`).sort());
    } finally {
      await client.end();
      await database.drop();
    }
  },
);
