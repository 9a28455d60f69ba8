import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErasureCertificate } from '../../src/platform/erasure/erasures.store';
import { eraseTenant } from '../../src/platform/erasure/erase-tenant';
import { enrolServer } from '../../src/platform/database-servers';
import { finishMoves, moveTenant } from '../../src/tenancy/move/move-tenant';
import { cliEnvironment, cloister } from '../support/cli';
import { runScript } from '../support/fleet';
import { superuserUrl } from '../support/databases';
import { createWorld, type TenantName, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
  for (const name of ['alpha', 'beta', 'gamma', 'delta'] as const) {
    await world.query(
      { tenant: name },
      'mutation { createAccount(input: { name: "erase me" }) { account { id } } }',
    );
  }
});
afterAll(() => world.close());

const run = (...args: string[]) => cloister(['tenants', ...args], cliEnvironment(world.registry));

/** Rows of a tenant in every table that has a column tenant_id. */
async function rowsOf(name: TenantName): Promise<Record<string, number>> {
  const { database, localTenantId } = world.tenants[name];
  const tables = await world.sql<{ name: string }>(
    database,
    `select table_name::text as name from information_schema.columns
     where table_schema = 'cloister' and column_name = 'tenant_id'`,
  );
  const counts: Record<string, number> = {};
  for (const { name: table } of tables) {
    const [row] = await world.sql<{ count: number }>(
      database,
      `select count(*)::int as count from cloister.${table} where tenant_id = $1`,
      [localTenantId],
    );
    if ((row?.count ?? 0) > 0) counts[table] = row?.count ?? 0;
  }
  return counts;
}

it('refuses a tenant in service, and one whom nobody confirmed', async () => {
  expect((await run('erase', 'alpha', '--yes')).stderr).toContain(
    'Expected a closed tenant, but "alpha" is active',
  );
  expect((await run('erase', 'alpha')).stderr).toContain('Nothing was done');
  expect((await run('close', 'alpha')).stderr).toContain('Nothing was done');
});

it('leaves zero rows, no way in, and a certificate; the neighbour keeps all', async () => {
  const { id } = world.tenants.alpha;
  const [before, neighbour] = [await rowsOf('alpha'), await rowsOf('beta')];
  expect(before).toMatchObject({ accounts: 1, users: 3, tenants: 1 });
  expect(before['user_sessions']).toBeGreaterThan(0);
  expect(before['change_log']).toBeGreaterThan(0);
  const { secretBox } = world.application.tenancy;
  const place = { rowId: id, column: 'test_sealed' };
  const sealed = await secretBox.seal({ kind: 'tenant', id }, place, 'a secret of alpha');

  expect((await run('close', 'alpha', '--yes', '--reason', 'left us')).exitCode).toBe(0);
  const folder = await mkdtemp(join(tmpdir(), 'cloister-erase-'));
  const path = join(folder, 'certificate.json');
  const { exitCode, stdout, stderr } = await run('erase', 'alpha', '--yes', '--certificate', path);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^shared: rows removed, none left \(\d+ tables looked at\)$/m);
  expect(await rowsOf('alpha')).toEqual({});
  expect(await rowsOf('beta')).toEqual(neighbour);

  const text = await readFile(path, 'utf8');
  await rm(folder, { recursive: true });
  expect(JSON.parse(text)).toMatchObject({
    tenantId: id,
    erasedBy: 'command-line',
    rowsRemoved: before,
    places: [{ dataSource: 'shared', outcome: 'rows removed, none left' }],
    dataKeysDestroyed: 1,
    registryRowsRemoved: { email_index: 3 },
  } satisfies Partial<Record<keyof ErasureCertificate, unknown>>);
  expect(text).not.toMatch(/alpha|@/);
  secretBox.invalidate();
  await expect(secretBox.open({ kind: 'tenant', id }, place, sealed)).rejects.toMatchObject({
    details: { reason: 'BAD_KEY' },
  });
  const registry = await world.sql<{ slug: string; name: string; status: string }>(
    world.registry,
    'select slug, name, status, data_source_id from registry.tenants where id = $1',
    [id],
  );
  expect(registry).toEqual([
    { slug: `erased-${id}`, name: 'Erased', status: 'closed', data_source_id: null },
  ]);
  const audit = await world.sql<{ actor: string; after: Record<string, unknown> }>(
    world.registry,
    `select actor, after from registry.audit_log where row_id = $1 order by id desc limit 1`,
    [id],
  );
  expect(audit[0]).toMatchObject({ actor: 'command-line', after: { name: 'Erased' } });
  expect(JSON.stringify(audit[0]?.after)).not.toContain('alpha');
  const login = await world.query(
    undefined,
    'mutation { login(input: { email: "admin@alpha.test", password: "correct-horse-battery" }) { accessToken } }',
  );
  expect(login.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
});

it('is finished by another after it was killed, with the same certificate ever after', async () => {
  const before = await rowsOf('delta');
  await run('close', 'delta', '--yes');
  const environment = cliEnvironment(world.registry);
  const killed = await runScript('export-runner.ts', ['erase', 'delta', '-', '2'], environment);
  expect(killed.signal).toBe('SIGKILL');
  const { exitCode, stdout } = await run('erase', 'delta', '--yes', '--json');
  expect(exitCode).toBe(0);
  expect(await rowsOf('delta')).toEqual({});
  const certificate = JSON.parse(stdout) as ErasureCertificate;
  expect(certificate.erasedBy).toBe('command-line');
  // What the killed one removed counts as well, but for what it had no time to write down.
  expect(Object.keys(before)).toEqual(expect.arrayContaining(Object.keys(certificate.rowsRemoved)));
  const again = await eraseTenant(world.application.tenancy, {
    tenantId: world.tenants.delta.id,
    actor: 'somebody else',
  });
  expect(again).toEqual(certificate);
});

it('closes one in service first when it is forced to', async () => {
  const certificate = await eraseTenant(world.application.tenancy, {
    tenantId: world.tenants.beta.id,
    actor: 'operator:ada',
    force: true,
    settleMs: 0,
  });
  expect(certificate.erasedBy).toBe('operator:ada');
  expect(await rowsOf('beta')).toEqual({});
});

it('drops a database that was made for the tenant, with its roles', async () => {
  const { tenancy } = world.application;
  await enrolServer(tenancy, { name: 'here', adminUrl: superuserUrl() }, 'test');
  const { data, errors } = await world.query<{ register: { tenant: { slug: string } | null } }>(
    undefined,
    `mutation ($input: RegisterInput!) { register(input: $input) { tenant { slug } userErrors { message } } }`,
    {
      input: {
        organisation: 'Made Here',
        slug: 'made-here',
        name: 'Ada',
        email: 'ada@made-here.test',
        password: 'correct-horse-battery',
        placement: 'DEDICATED',
      },
    },
  );
  expect(errors).toEqual([]);
  expect(data.register.tenant).toEqual({ slug: 'made-here' });
  const tenant = await tenancy.registry.findTenantBySlug('made-here');
  const { connection } = await tenancy.directory.getDataSource(tenant ?? fail());
  const left = async () =>
    world.sql(
      world.registry,
      `select datname::text as name from pg_database where datname = $1
       union all select rolname::text from pg_roles where rolname = $2`,
      [connection.database, connection.user],
    );
  expect(await left()).toHaveLength(2);
  await run('close', 'made-here', '--yes');
  const { stdout, exitCode, stderr } = await run('erase', 'made-here', '--yes', '--json');
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    places: [{ placement: 'dedicated', outcome: 'database dropped' }],
    rowsRemoved: { users: 1 },
  });
  expect(await left()).toEqual([]);
  const sources = await world.sql(
    world.registry,
    'select 1 from registry.data_sources where id = $1',
    [tenant?.dataSourceId],
  );
  expect(sources).toEqual([]);
});

it('leaves not even its name in the place that it had moved from', async () => {
  const { tenancy } = world.application;
  const tenantId = world.tenants.gamma.id;
  const target = await tenancy.registry.findDataSourceByName('shared');
  await moveTenant(tenancy, { tenantId, targetDataSourceId: target?.id ?? '', actor: 'test' });
  await finishMoves(tenancy, { tenantId, actor: 'test' });
  // The mark that keeps others from writing there.
  expect(await rowsOf('gamma')).toEqual({ tenants: 1 });
  await eraseTenant(tenancy, { tenantId, actor: 'test', force: true, settleMs: 0 });
  expect(await rowsOf('gamma')).toEqual({});
});

function fail(): never {
  throw new Error('Expected the tenant to be registered.');
}
