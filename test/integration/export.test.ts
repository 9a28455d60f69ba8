import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportTenant } from '../../src/platform/export/export-tenant';
import type { Manifest } from '../../src/platform/export/manifest';
import { cliEnvironment, cloister } from '../support/cli';
import { runScript } from '../support/fleet';
import { createWorld, PASSWORD, type TenantName, type World } from '../support/world';
import { apiOf } from '../support/api';

const ACCOUNTS = 1700;

let world: World;
let folder: string;
let number = 0;
const place = (): string => join(folder, `export-${(number += 1)}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloister-export-'));
  world = await createWorld();
  for (const name of ['alpha', 'beta'] as const) await fill(name);
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

/** Words that a careless writer of CSV or JSON breaks on, and references in both directions. */
async function fill(tenant: TenantName): Promise<void> {
  const api = apiOf(world, tenant);
  const child = await api.create('Account', {
    name: `Quotes " and \\n, commas, ünï😀 \\ of ${tenant}`,
    description: 'two\nlines\tand a tab',
    annualRevenue: { amount: '12345.6789', currencyCode: 'EUR' },
    billingAddress: { street: 'Hauptstraße 1', city: 'Köln', countryCode: 'DE' },
  });
  const parent = await api.create('Account', { name: 'Made later, and its parent' });
  await api.mutate('updateAccount', {
    id: child.id,
    version: child.version,
    parentId: parent.id,
  });
  await api.create('Contact', { lastName: 'O’Neil', accountId: child.id, birthDate: '1970-01-02' });
  const { database, localTenantId } = world.tenants[tenant];
  await world.sql(
    database,
    `insert into cloister.accounts (tenant_id, id, name)
     select $1, gen_random_uuid(), 'bulk ' || n from generate_series(1, ${ACCOUNTS}) n`,
    [localTenantId],
  );
}

const run = (...args: string[]) => cloister(['tenants', ...args], cliEnvironment(world.registry));

/** Everything of a tenant but what passes, as one value. */
async function checksum(tenant: TenantName): Promise<Record<string, string>> {
  const { database, localTenantId } = world.tenants[tenant];
  const sums: Record<string, string> = {};
  for (const table of ['users', 'accounts', 'contacts', 'opportunities', 'consents', 'tenants']) {
    const [row] = await world.sql<{ sum: string }>(
      database,
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as sum
       from cloister.${table} t where tenant_id = $1`,
      [localTenantId],
    );
    sums[table] = row?.sum ?? '';
  }
  return sums;
}

async function exported(tenant: TenantName, ...options: string[]): Promise<[string, Manifest]> {
  const to = place();
  const { exitCode, stderr } = await run('export', tenant, '--to', to, ...options);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return [to, JSON.parse(await readFile(join(to, 'manifest.json'), 'utf8')) as Manifest];
}

describe('cloister tenants export', () => {
  it('writes each table with its rows and hash, for the owner alone', async () => {
    const [to, manifest] = await exported('alpha');
    expect(manifest.tenant.slug).toBe('alpha');
    for (const { name, rows, jsonl, csv } of manifest.tables) {
      const [counted] = await world.sql<{ count: number }>(
        world.tenants.alpha.database,
        `select count(*)::int as count from cloister.${name} where tenant_id = $1`,
        [world.tenants.alpha.localTenantId],
      );
      expect({ name, rows }).toEqual({ name, rows: counted?.count });
      const bytes = await readFile(join(to, jsonl.name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(jsonl.sha256);
      expect(bytes.toString().split('\n').length - 1).toBe(rows);
      expect(csv?.name).toBe(`${name}.csv`);
      expect((await stat(join(to, jsonl.name))).mode & 0o077).toBe(0);
    }
    expect((await stat(to)).mode & 0o077).toBe(0);
    const lines = (await readFile(join(to, 'accounts.jsonl'), 'utf8')).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { name: string; description: string });
    expect(records.find(({ name }) => name.startsWith('Quotes'))).toMatchObject({
      name: 'Quotes " and \\n, commas, ünï😀 \\ of alpha',
      description: 'two\nlines\tand a tab',
      billing_city: 'Köln',
    });
    expect(await readFile(join(to, 'accounts.csv'), 'utf8')).toContain(
      '"Quotes "" and \\n, commas, ünï😀 \\ of alpha"',
    );
  });

  it('holds no secret unless asked to, and never a row of another tenant', async () => {
    const [to, manifest] = await exported('alpha');
    const [hash] = await world.sql<{ password_hash: string }>(
      world.tenants.alpha.database,
      'select password_hash from cloister.users where tenant_id = $1 limit 1',
      [world.tenants.alpha.localTenantId],
    );
    const others = await world.sql<{ id: string }>(
      world.tenants.alpha.database,
      `select id from cloister.accounts where tenant_id = $1
       union select id from cloister.users where tenant_id = $1 union select $1`,
      [world.tenants.beta.localTenantId],
    );
    expect(others.length).toBeGreaterThan(ACCOUNTS);
    for (const name of await readdir(to)) {
      const text = await readFile(join(to, name), 'utf8');
      expect(text.includes(hash?.password_hash ?? 'none')).toBe(false);
      expect(others.filter(({ id }) => text.includes(id))).toEqual([]);
    }
    expect(manifest.omitted.map(({ table }) => table)).toContain('user_totp');
    const [full] = await exported('alpha', '--with-secrets', '--format', 'jsonl');
    expect(await readFile(join(full, 'users.jsonl'), 'utf8')).toContain(hash?.password_hash);
    expect((await readdir(full)).some((name) => name.endsWith('.csv'))).toBe(false);
  });

  it('is of one moment, whatever is written meanwhile', async () => {
    const { localTenantId, database, id } = world.tenants.gamma;
    const { tenancy } = world.application;
    const tenant = await tenancy.registry.findTenant(id);
    if (tenant === undefined) throw new Error('Expected gamma.');
    let stopped = false;
    const writing = (async () => {
      while (!stopped) {
        await world.sql(
          database,
          `with a as (insert into cloister.accounts (tenant_id, id, name) values ($1, gen_random_uuid(), 'pair'))
           insert into cloister.products (tenant_id, id, name) values ($1, gen_random_uuid(), 'pair')`,
          [localTenantId],
        );
      }
    })();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { tables } = await exportTenant(tenancy, tenant, {
        folder: place(),
        csv: true,
        withSecrets: false,
      });
      const rows = new Map(tables.map((table) => [table.name, table.rows]));
      expect(rows.get('accounts')).toBe(rows.get('products'));
    }
    stopped = true;
    await writing;
  });

  it('leaves nothing behind when it is killed but what the next one clears away', async () => {
    const to = place();
    const environment = cliEnvironment(world.registry);
    const killed = await runScript('export-runner.ts', ['export', 'alpha', to, '3'], environment);
    expect(killed.signal).toBe('SIGKILL');
    const beginning = to.split('/').at(-1) ?? '';
    const left = async () =>
      (await readdir(folder)).filter((name) => name.startsWith(`${beginning}.`));
    expect(await left()).toHaveLength(1);
    await expect(readdir(to)).rejects.toThrow(/ENOENT/);
    expect((await run('export', 'alpha', '--to', to)).exitCode).toBe(0);
    expect(await left()).toEqual([]);
    const again = await run('export', 'alpha', '--to', to);
    expect(again.stderr).toMatch(/Expected no folder ".*" or an empty one/);
  });
});

describe('cloister tenants import', () => {
  it('makes the tenant again elsewhere, with the same ids, and its people can sign in', async () => {
    const [from, manifest] = await exported('alpha', '--with-secrets');
    const { exitCode, stdout, stderr } = await run(
      'import',
      'alpha-again',
      '--from',
      from,
      '--source',
      'dedicated',
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('counted and compared with the export');
    const tenant = await world.application.tenancy.registry.findTenantBySlug('alpha-again');
    const rows = async (id: string, database = world.tenants.gamma.database) =>
      world.sql(
        database,
        `select id, name, parent_id, description, billing_address, annual_revenue, created_at
         from cloister.accounts where tenant_id = $1 order by id`,
        [id],
      );
    const { alpha } = world.tenants;
    expect(await rows(tenant?.tenantIdInDataSource ?? '')).toEqual(
      await rows(alpha.localTenantId, alpha.database),
    );
    const { data } = await world.query<{ login: { tenant: { slug: string } } }>(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { tenant { slug } } }',
      { input: { email: 'admin@alpha.test', password: PASSWORD, tenant: 'alpha-again' } },
    );
    expect(data.login.tenant.slug).toBe('alpha-again');
    // The same again is done already, and says so by changing nothing.
    const again = await run('import', 'alpha-again', '--from', from);
    expect(again.exitCode).toBe(0);
    expect(again.stdout).toBe('The export was put into "alpha-again" before: nothing was done.\n');
    expect(manifest.tables.length).toBeGreaterThan(5);
  });

  it('goes on where a killed import stopped', async () => {
    const [from, manifest] = await exported('beta');
    const created = await run(
      'import',
      'beta-again',
      '--from',
      join(folder, 'nowhere'),
      '--source',
      'dedicated',
    );
    expect(created.stderr).toContain('manifest.json cannot be read (ENOENT)');
    const environment = cliEnvironment(world.registry);
    const killed = await runScript(
      'export-runner.ts',
      ['import', 'beta-again', from, '3'],
      environment,
    );
    expect(killed.signal).toBe('SIGKILL');
    const tenant = await world.application.tenancy.registry.findTenantBySlug('beta-again');
    const count = async (): Promise<number> => {
      const [row] = await world.sql<{ count: number }>(
        world.tenants.gamma.database,
        'select count(*)::int as count from cloister.accounts where tenant_id = $1',
        [tenant?.tenantIdInDataSource],
      );
      return row?.count ?? 0;
    };
    const before = await count();
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(ACCOUNTS);
    const { exitCode, stdout, stderr } = await run('import', 'beta-again', '--from', from);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Going on with the export of ${manifest.createdAt}`);
    expect(await count()).toBe(ACCOUNTS + 2);
  });

  it('refuses files that were changed, and a tenant that has rows', async () => {
    const [from] = await exported('alpha');
    expect((await run('import', 'gamma', '--from', from)).stderr).toMatch(
      /Expected a tenant without any rows, but \w+ has some/,
    );
    await writeFile(join(from, 'accounts.jsonl'), '{"id": "x"}\n');
    expect((await run('import', 'gamma', '--from', from)).stderr).toContain(
      'Expected accounts.jsonl as the manifest describes it, but its bytes are others',
    );
    await rm(join(from, 'accounts.jsonl'));
    expect((await run('import', 'gamma', '--from', from)).stderr).toContain('it is missing');
  });

  it('restores one tenant and leaves the others in the same database as they are', async () => {
    const [from] = await exported('alpha', '--with-secrets');
    const [alpha, beta] = [await checksum('alpha'), await checksum('beta')];
    const { database, localTenantId } = world.tenants.alpha;
    await world.sql(database, `update cloister.accounts set name = 'lost' where tenant_id = $1`, [
      localTenantId,
    ]);
    await world.sql(database, 'delete from cloister.contacts where tenant_id = $1', [
      localTenantId,
    ]);
    await apiOf(world, 'alpha').create('Account', { name: 'after the export' });
    expect(await checksum('alpha')).not.toEqual(alpha);
    const unasked = await run('import', 'alpha', '--from', from, '--replace');
    expect(unasked.stderr).toContain('Nothing was done');
    const { exitCode, stderr } = await run('import', 'alpha', '--from', from, '--replace', '--yes');
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(await checksum('alpha')).toEqual(alpha);
    expect(await checksum('beta')).toEqual(beta);
  });
});
