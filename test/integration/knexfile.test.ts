import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import { createMigrationSource, type MigrationSet } from '../../src/database/migration-source';
import { findSchemaState } from '../../src/database/schema-state';
import { EMBEDDED_DATABASES } from '../../src/embedded/embedded-layout';
import { cloneDatabase, createTemplate, type TestDatabase } from '../support/databases';

const ROOT = join(__dirname, '..', '..');
const SETS = [
  ['registry', EMBEDDED_DATABASES.registry],
  ['tenant', EMBEDDED_DATABASES.shared],
] as const;

/** The command line as it is installed, on the TypeScript sources. */
function knex(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const { PATH = '' } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, 'node_modules', 'knex', 'bin', 'cli.js'), ...args],
      { cwd: ROOT, env: { PATH, ...variables } },
      (error, stdout, stderr) => resolve(`exit ${error?.code ?? 0}\n${stdout}${stderr}`),
    );
  });
}

describe.each(SETS)('npx knex --env %s', (set: MigrationSet, roles) => {
  const { names } = createMigrationSource(set);
  let database: TestDatabase;
  let owner: ReturnType<typeof parseConnectionUrl>;

  beforeAll(async () => {
    database = await cloneDatabase(
      await createTemplate(`empty_${set}`, () => Promise.resolve(), roles),
    );
    owner = parseConnectionUrl(database.ownerUrl);
  });
  afterAll(() => database.drop());

  const run = (command: string, ...args: string[]) =>
    knex(['--env', set, command, ...args], { KNEX_URL: database.ownerUrl });

  it('takes an empty database up, back and up again, and cloister sees each state', async () => {
    const status = await run('migrate:status');
    for (const name of names) expect(status).toContain(name);
    expect(status).toContain(`Found ${names.length} Pending Migration`);

    expect(await run('migrate:latest')).toContain(`Batch 1 run: ${names.length} migrations`);
    expect((await findSchemaState(owner, set)).pending).toEqual([]);
    // Beside the migrations themselves, cloister grants the run-time role its tables.
    expect((await migrateDatabase(owner, set, { appRole: roles.app })).applied).toEqual([]);

    expect(await run('migrate:rollback', '--all')).toContain(
      `rolled back: ${names.length} migrations`,
    );
    expect((await findSchemaState(owner, set)).pending).toEqual(names);
    expect((await migrateDatabase(owner, set, { appRole: roles.app })).applied).toEqual(names);
    expect(await run('migrate:status')).toContain('No Pending Migration files Found.');
  }, 120_000);

  it('takes the last one of cloister’s migrations back alone', async () => {
    expect(await run('migrate:rollback')).toContain('exit 0');
    expect((await findSchemaState(owner, set)).pending).toEqual([names.at(-1)]);
    expect(await run('migrate:up')).toContain('exit 0');
    expect((await findSchemaState(owner, set)).pending).toEqual([]);
  });

  it('says which variable it needs', async () => {
    const said = await knex(['--env', set, 'migrate:status'], {});
    expect(said).toContain('exit 1');
    expect(said).toContain('KNEX_URL');
  });
});

it('finds the registry by its own variables', async () => {
  const roles = EMBEDDED_DATABASES.registry;
  const database = await cloneDatabase(
    await createTemplate('empty_registry', () => Promise.resolve(), roles),
  );
  const variables = { REGISTRY_MIGRATION_URL: database.ownerUrl };
  expect(await knex(['--env', 'registry', 'migrate:list'], variables)).toContain('0001_registry');
  await database.drop();
});
