import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Client } from 'pg';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import {
  createMigrationSource,
  SCHEMAS,
  type MigrationSet,
} from '../../src/database/migration-source';
import { assertRegistryIsCurrent, findSchemaState } from '../../src/database/schema-state';
import { EMBEDDED_DATABASES } from '../../src/embedded/embedded-layout';
import { cloneDatabase, createTemplate, type TestDatabase } from '../support/databases';

const SETS = [
  ['registry', EMBEDDED_DATABASES.registry],
  ['tenant', EMBEDDED_DATABASES.shared],
] as const;

describe.each(SETS)('the migrations of the %s', (set: MigrationSet, roles) => {
  const { names } = createMigrationSource(set);
  let database: TestDatabase;

  beforeEach(async () => {
    database = await cloneDatabase(
      await createTemplate(`empty_${set}`, () => Promise.resolve(), roles),
    );
  });
  afterEach(() => database.drop());

  const migrate = () =>
    migrateDatabase(parseConnectionUrl(database.ownerUrl), set, { appRole: roles.app });
  const state = () => findSchemaState(parseConnectionUrl(database.ownerUrl), set);

  async function sql<Row>(text: string, url = database.ownerUrl): Promise<Row[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  it('bring an empty database to the newest schema, in order', async () => {
    expect(await state()).toEqual({
      version: null,
      expected: names.at(-1),
      pending: names,
      unknown: [],
    });
    expect(await migrate()).toEqual({ version: names.at(-1), applied: names });
    expect(await state()).toEqual({
      version: names.at(-1),
      expected: names.at(-1),
      pending: [],
      unknown: [],
    });
  });

  it('do nothing the second time', async () => {
    await migrate();
    expect((await migrate()).applied).toEqual([]);
  });

  it('are each run once when ten processes start together', async () => {
    const results = await Promise.all(Array.from({ length: 10 }, migrate));
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual(names);
  });

  it('resume where a killed run stopped, whatever locks it left', async () => {
    const last = names.at(-1) ?? '';
    await killedAt(set, database.ownerUrl, last);
    const before = await state();
    expect(before.pending).toContain(last);
    if (names.length > 1)
      await sql(`update ${SCHEMAS[set]}.schema_migrations_lock set is_locked = 1`);
    expect((await migrate()).applied).toEqual(before.pending);
  });

  it('refuse a database that is newer than the code, by name, and leave it alone', async () => {
    await migrate();
    await sql(
      `insert into ${SCHEMAS[set]}.schema_migrations (name, batch) values ('9999_future', 9)`,
    );
    await sql(`delete from ${SCHEMAS[set]}.schema_migrations where name = '${names.at(-1)}'`);
    await expect(migrate()).rejects.toThrow(
      /no newer than this version of cloister, but it has 9999_future: run/,
    );
    expect((await state()).pending).toEqual([names.at(-1)]);
  });

  it('let the run-time role read and write rows, and neither tables nor the record of migrations', async () => {
    await migrate();
    const schema = SCHEMAS[set];
    const asApp = (text: string) => sql(text, database.appUrl);
    await expect(asApp(`select * from ${schema}.tenants`)).resolves.toEqual([]);
    await expect(asApp(`create table ${schema}.mine (id int)`)).rejects.toThrow(
      /permission denied/,
    );
    await expect(asApp(`delete from ${schema}.schema_migrations`)).rejects.toThrow(
      /permission denied/,
    );
  });
});

it('a server is not let at a registry whose schema is not current', async () => {
  const roles = EMBEDDED_DATABASES.registry;
  const database = await cloneDatabase(
    await createTemplate('empty_registry', () => Promise.resolve(), roles),
  );
  const owner = parseConnectionUrl(database.ownerUrl);
  await expect(assertRegistryIsCurrent(owner)).rejects.toThrow(
    /but it is empty: run `cloister migrate`/,
  );
  await migrateDatabase(owner, 'registry', { appRole: roles.app });
  await expect(
    assertRegistryIsCurrent(parseConnectionUrl(database.appUrl)),
  ).resolves.toBeUndefined();
  await database.drop();
});

function killedAt(set: MigrationSet, url: string, migration: string): Promise<void> {
  const script = join(__dirname, '..', 'support', 'migrator.ts');
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['-r', 'sucrase/register', script, set, url, migration],
      (error, _stdout, stderr) =>
        error?.signal === 'SIGKILL'
          ? resolve()
          : reject(new Error(`Expected a kill, got: ${stderr}`)),
    );
  });
}
