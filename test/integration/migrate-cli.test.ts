import { enrolDataSource } from '../../src/tenancy/provision';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { createMigrationSource } from '../../src/database/migration-source';
import { EMBEDDED_DATABASES } from '../../src/embedded/embedded-layout';
import { start } from '../../src/main';
import { cliEnvironment, cloister } from '../support/cli';
import { cloneDatabase, createTemplate, type TestDatabase } from '../support/databases';
import { createWorld, type World } from '../support/world';

const CANARY = 'canary-51e0aa';
const LAST = createMigrationSource('tenant').names.at(-1) ?? '';

let world: World;
let tenancy: Tenancy;
let fresh: TestDatabase;

beforeAll(async () => {
  world = await createWorld();
  tenancy = createTenancy(world.config, { listen: false });
  fresh = await cloneDatabase(await createTemplate('empty_tenant', () => Promise.resolve()));
  const spec = { placement: 'dedicated', url: fresh.appUrl, migrationUrl: fresh.ownerUrl } as const;
  await enrolDataSource(tenancy, { name: 'a-fresh', ...spec });
});
afterAll(async () => {
  await tenancy.close();
  await world.close();
  await fresh.drop();
});

const migrate = (...args: string[]) =>
  cloister(['migrate', ...args], cliEnvironment(world.registry));

describe('cloister migrate', () => {
  it('shows the versions with --status and changes nothing', async () => {
    const { exitCode, stdout } = await migrate('--status');
    expect(stdout).toMatch(/^registry +\d{4}_\w+ +0 +up to date$/m);
    expect(stdout).toMatch(/^a-fresh +- +0 +behind$/m);
    expect(stdout).toContain('Run `cloister migrate`.');
    expect(exitCode).toBe(1);
    expect((await migrate('--status')).stdout).toBe(stdout);
  });

  it('touches the registry alone, or one tenant’s data source alone, when told so', async () => {
    expect((await migrate('--registry')).stdout).toMatch(/^DATABASE.*\nregistry .* up to date\n$/);
    const { stdout } = await migrate('--tenant', 'alpha', '--tenant', 'beta');
    expect(stdout).toMatch(/^DATABASE.*\nshared .* up to date\n/);
    expect(stdout).not.toMatch(/^(registry|dedicated) /m);
    expect((await migrate('--tenant', 'nobody')).stderr).toContain('There is no tenant "nobody"');
  });

  it('reports the data source that fails, and brings the others up', async () => {
    const bad = `postgres://owner:${CANARY}@127.0.0.1:1/nowhere`;
    await enrolDataSource(tenancy, {
      name: 'a-down',
      placement: 'dedicated',
      url: bad,
      migrationUrl: bad,
    });
    const first = await migrate();
    expect(first.exitCode).toBe(1);
    expect(first.stdout).toContain('a-fresh: 0001_crm (1 of ');
    expect(first.stdout).toMatch(new RegExp(`^a-fresh +${LAST} +\\d+ +migrated$`, 'm'));
    expect(first.stdout).toMatch(/^a-down +- +0 +FAILED$/m);
    expect(first.stdout).toMatch(
      /^a-down: nothing listens at that address \(ECONNREFUSED\)\n {2}The tenant's data source/m,
    );
    expect(first.stdout + first.stderr).not.toContain(CANARY);
    await world.sql(world.registry, "delete from registry.data_sources where name = 'a-down'");

    const second = await migrate();
    expect(second.exitCode).toBe(0);
    expect(second.stdout).toMatch(new RegExp(`^a-fresh +${LAST} +0 +up to date$`, 'm'));
    expect((await tenancy.registry.findDataSourceByName('a-fresh'))?.schemaVersion).toBe(LAST);
  });

  it('refuses a data source that is newer than the code, by name', async () => {
    await world.sql(
      fresh,
      "insert into cloister.schema_migrations (name, batch) values ('9999_future', 9)",
    );
    for (const args of [[], ['--status']]) {
      const { exitCode, stdout } = await migrate(...args);
      expect(stdout).toMatch(
        /a-fresh: Expected a database no newer .* 9999_future\n {2}Run the version that made it/,
      );
      expect(exitCode).toBe(1);
    }
    await world.sql(fresh, "delete from cloister.schema_migrations where name = '9999_future'");
  });

  it('says what the owner has to do where we have no migration URL', async () => {
    await world.sql(
      world.registry,
      "update registry.data_sources set migration_url_sealed = null where name = 'a-fresh'",
    );
    await world.sql(fresh, `delete from cloister.schema_migrations where name = '${LAST}'`);
    const { exitCode, stdout } = await migrate();
    expect(stdout).toContain(
      'a-fresh: the data source has no migration URL\n  Its owner runs `KNEX_URL=',
    );
    expect(exitCode).toBe(1);
    await world.sql(
      fresh,
      `insert into cloister.schema_migrations (name, batch) values ('${LAST}', 9)`,
    );
    expect((await migrate()).exitCode).toBe(0);
  });
});

describe('cloister start', () => {
  it('refuses a registry whose schema is not current, and says what to run', async () => {
    const roles = EMBEDDED_DATABASES.registry;
    const empty = await cloneDatabase(
      await createTemplate('empty_registry', () => Promise.resolve(), roles),
    );
    const environment = { ...cliEnvironment(empty), PORT: '0' };
    await expect(start(() => undefined, { variables: environment })).rejects.toThrow(
      /it is empty: run `cloister migrate`/,
    );
    const { exitCode, stdout } = await cloister(['migrate'], environment);
    expect(stdout).toContain('registry: 0001_registry (1 of ');
    expect(exitCode).toBe(0);
    const variables = { ...environment, LOG_LEVEL: 'silent' };
    const running = await start(() => undefined, { variables });
    await running.stop();
    await empty.drop();
  });
});
