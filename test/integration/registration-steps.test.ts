/** How tenants are made: by steps that may be repeated, by whoever finds them undone. */
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';
import { createPasswords } from '../../src/auth/passwords';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { enrolServer } from '../../src/platform/database-servers';
import {
  createProvisioning,
  type ProvisioningDependencies,
  type RegistrationSpec,
} from '../../src/platform/provisioning/provisioning';
import { dropTemplate, ensureTemplate } from '../../src/platform/provisioning/template-database';
import {
  dropTenantDatabase,
  withAdmin,
  type TenantDatabase,
} from '../../src/platform/provisioning/tenant-database';
import { enrolDataSource } from '../../src/tenancy/provision';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { cliEnvironment } from '../support/cli';
import { cloneDatabase, superuserUrl, type TestDatabase } from '../support/databases';
import { PASSWORD, testConfig, testRegistryTemplate, testTenantTemplate } from '../support/world';

const passwords = createPasswords();
/** As with most providers: may create databases and roles, and is no superuser. */
const SERVER_ADMIN = `server_admin_${randomBytes(4).toString('hex')}`;
const adminUrl = (): string => {
  const url = new URL(superuserUrl());
  url.username = SERVER_ADMIN;
  url.password = 'test-only';
  return url.toString();
};
const server = () => parseConnectionUrl(superuserUrl());

/** Where a process can die: around each step, and within the one that makes a database. */
const POINTS = {
  dedicated: [
    ...['place', 'place done', 'database', 'roles', 'clone', 'grants', 'enrolled'],
    ...['database done', 'tenant', 'tenant done', 'admin done', 'activate'],
  ],
  shared: ['place', 'place done', 'tenant', 'tenant done', 'admin done', 'activate'],
} as const;

describe('a registration', () => {
  let registry: TestDatabase;
  let shared: TestDatabase;
  let tenancy: Tenancy;

  beforeAll(async () => {
    [registry, shared] = await Promise.all([
      cloneDatabase(await testRegistryTemplate()),
      cloneDatabase(await testTenantTemplate()),
    ]);
    tenancy = createTenancy(testConfig(registry), { listen: false });
    await sql(`create role ${SERVER_ADMIN} login createdb createrole password 'test-only'`);
    await enrolServer(tenancy, { name: 'here', adminUrl: adminUrl() }, 'test');
    await enrolDataSource(tenancy, {
      name: 'shared-1',
      placement: 'shared',
      url: shared.appUrl,
      migrationUrl: shared.ownerUrl,
    });
  });
  afterAll(async () => {
    const made = await sql<{ name: string }>(
      "select database_name as name from registry.provisionings where database_name is not null and status = 'done'",
    );
    await tenancy.close();
    for (const { name } of made) await dropTenantDatabase(server(), databaseNamed(name));
    await withAdmin(parseConnectionUrl(adminUrl()), async (admin) => {
      await dropTemplate(
        admin,
        (await ensureTemplate(admin, parseConnectionUrl(adminUrl()))).database,
      );
    });
    await sql(`drop role ${SERVER_ADMIN}`);
    await Promise.all([registry.drop(), shared.drop()]);
  });

  const databaseNamed = (database: string): TenantDatabase => ({
    database,
    owner: { name: `${database}_owner`, password: '' },
    app: { name: `${database}_app`, password: '' },
  });
  const provisioningWith = (deps: Partial<ProvisioningDependencies> = {}) =>
    createProvisioning({
      tenancy,
      passwords,
      emailIndexKey: testConfig(registry).auth.emailIndexKey,
      ...deps,
    });
  const specOf = (slug: string, change: Partial<RegistrationSpec> = {}): RegistrationSpec => ({
    slug,
    name: slug,
    plan: 'trial',
    placement: 'dedicated',
    admin: { name: 'Ada', email: `ada@${slug}.test`, password: PASSWORD },
    ...change,
  });

  async function sql<Row>(text: string, values: unknown[] = [], url?: string): Promise<Row[]> {
    const client = new Client({ connectionString: url ?? registry.superuserUrl });
    await client.connect();
    try {
      return (await client.query(text, values)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  interface Found {
    readonly id: string;
    readonly status: string;
    readonly source: string | null;
    readonly placement: string | null;
    readonly sealed: string | null;
    readonly step: string;
  }
  const find = async (slug: string): Promise<Found | undefined> =>
    (
      await sql<Found>(
        `select t.id, t.status, d.name as source, d.placement, p.inputs_sealed as sealed, p.step
         from registry.tenants t
         left join registry.data_sources d on d.id = t.data_source_id
         left join registry.provisionings p on p.tenant_id = t.id
         where t.slug = $1`,
        [slug],
      )
    )[0];
  const adminsOf = async (slug: string): Promise<unknown[]> => {
    const tenant = await tenancy.registry.findTenantBySlug(slug);
    if (tenant === undefined) throw new Error('There is no such tenant.');
    const session = tenancy.openSession(tenant);
    try {
      return await session.query({
        text: `select role, email from cloister.users where tenant_id = $1`,
        values: [session.localTenantId],
      });
    } finally {
      await session.end();
    }
  };
  /** What there is on the servers of a tenant with this id. */
  const tracesOf = async (id: string): Promise<unknown[]> => {
    const hex = id.replaceAll('-', '');
    return [
      ...(await sql('select datname from pg_database where datname like $1', [`%${hex}%`])),
      ...(await sql('select rolname from pg_roles where rolname like $1', [`%${hex}%`])),
      ...(await sql('select name from registry.data_sources where name like $1', [`%${id}%`])),
      ...(await sql('select tenant_id from registry.email_index where tenant_id = $1', [id])),
      ...(await sql(
        "select id from registry.data_keys where owner_id = $1 and status <> 'destroyed'",
        [id],
      )),
      ...(await sql(
        'select 1 from cloister.tenants where tenant_id = $1',
        [id],
        shared.superuserUrl,
      )),
      ...(await sql(
        'select 1 from cloister.users where tenant_id = $1',
        [id],
        shared.superuserUrl,
      )),
      ...(await sql(
        'select 1 from cloister.change_log where tenant_id = $1',
        [id],
        shared.superuserUrl,
      )),
    ];
  };

  async function killedAt(slug: string, placement: string, where: string): Promise<void> {
    const script = join(__dirname, '../support/registration.process.ts');
    const child = spawn(
      process.execPath,
      ['-r', join(__dirname, '../support/typescript.register.cjs'), script, slug, placement, where],
      {
        env: { ...process.env, ...cliEnvironment(registry) },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
  }
  /** The dead process' lease would be waited for a minute. */
  const passTime = (slug: string, age = '0 s') =>
    sql(
      `update registry.provisionings
       set leased_until = now(), created_at = now() - $2::interval where slug = $1`,
      [slug, age],
    );
  const slugAt = (kind: string, placement: string, where: string): string =>
    `${kind}-${placement}-${where}`.replaceAll(' ', '-');

  it.each(Object.entries(POINTS))(
    '(%s) that is killed anywhere is finished by the sweeper',
    async (placement, points) => {
      for (const where of points) {
        const slug = slugAt('finish', placement, where);
        await killedAt(slug, placement, where);
        const halfMade = await find(slug);
        expect([where, halfMade?.status]).toEqual([where, 'provisioning']);
        expect(JSON.stringify(halfMade)).not.toContain('ada@');
        // While its lease holds nobody meddles.
        expect(await provisioningWith().sweep()).toEqual({ finished: 0, removed: 0, failed: 0 });
        await passTime(slug);
        expect(await provisioningWith().sweep()).toEqual({ finished: 1, removed: 0, failed: 0 });
        expect(await find(slug)).toMatchObject({ status: 'trial', placement, sealed: null });
        expect(await adminsOf(slug)).toEqual([{ role: 'admin', email: `ada@${slug}.test` }]);
      }
    },
  );

  it.each(Object.entries(POINTS))(
    '(%s) that is killed anywhere and too old is taken back without a trace',
    async (placement, points) => {
      for (const where of points) {
        const slug = slugAt('remove', placement, where);
        await killedAt(slug, placement, where);
        const { id } = (await find(slug)) as Found; // it was killed after its reservation
        // The server may still be at what the killed one asked of it: the next round gets it then.
        for (let round = 1; round < 5 && (await find(slug)) !== undefined; round += 1) {
          await passTime(slug, '2 hours');
          const { finished, removed, failed } = await provisioningWith().sweep();
          expect({ finished, ended: removed + failed }).toEqual({ finished: 0, ended: 1 });
        }
        expect(await find(slug)).toBeUndefined();
        expect([where, await tracesOf(id)]).toEqual([where, []]);
      }
    },
  );

  it('is gone on with by whoever repeats it, and by nobody else', async () => {
    await killedAt('again', 'dedicated', 'clone');
    const { id } = (await find('again')) as Found; // killed after its reservation
    const spec = specOf('again');
    await passTime('again');
    const stranger = { ...spec.admin, email: 'eve@again.test' };
    await expect(provisioningWith().register({ ...spec, admin: stranger })).rejects.toMatchObject({
      userErrors: [{ field: ['slug'], code: 'CONFLICT' }],
    });
    const guessed = { ...spec.admin, password: 'not-the-password' };
    await expect(provisioningWith().register({ ...spec, admin: guessed })).rejects.toMatchObject({
      userErrors: [{ field: ['slug'], code: 'CONFLICT' }],
    });
    expect(await provisioningWith().register(spec)).toBe(id);
    expect(await adminsOf('again')).toHaveLength(1);
    // Once it is ready it is theirs, and the slug is taken for all.
    await expect(provisioningWith().register(spec)).rejects.toThrow(/taken/);
  });

  it('is kept when a server is down, and finished when it is back', async () => {
    const away = 'postgres://nobody:hush-hush@127.0.0.1:1/postgres';
    await enrolServer(tenancy, { name: 'here', adminUrl: away }, 'test');
    await expect(provisioningWith().register(specOf('patient'))).rejects.toMatchObject({
      code: 'TENANT_UNAVAILABLE',
    });
    const [kept] = await sql<{ last_error: string; lease: unknown }>(
      "select last_error, lease from registry.provisionings where slug = 'patient'",
    );
    expect(kept?.lease).toBeNull();
    expect(kept?.last_error).not.toContain('hush-hush');
    await enrolServer(tenancy, { name: 'here', adminUrl: adminUrl() }, 'test');
    await passTime('patient');
    expect(await provisioningWith().sweep()).toMatchObject({ finished: 1 });
    expect(await adminsOf('patient')).toHaveLength(1);
  });

  it('goes to the emptiest place of its region that has room, and is refused where there is none', async () => {
    await sql(
      'update registry.data_sources set max_tenants = (select count(*) from registry.tenants t where t.data_source_id = registry.data_sources.id) + 2 where placement = $1',
      ['shared'],
    );
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) =>
        provisioningWith().register(specOf(`room-${index}`, { placement: 'shared' })),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      expect(outcome.reason).toMatchObject({ userErrors: [{ field: ['placement'] }] });
    }
    // What had no room is gone, and its slug is free.
    const left = await sql("select slug from registry.tenants where slug like 'room-%'");
    expect(left).toHaveLength(2);
    await sql('update registry.data_sources set max_tenants = null');
    await expect(
      provisioningWith().register(specOf('elsewhere', { region: 'mars' })),
    ).rejects.toMatchObject({ userErrors: [{ field: ['placement'] }] });
  });

  it('leaves what was in a customer’s database first alone when it is taken back', async () => {
    const local = '00000000-0000-4000-8000-0000000000bb';
    await sql(
      'insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $2)',
      [local, 'theirs'],
      shared.superuserUrl,
    );
    await sql(
      "insert into cloister.users (tenant_id, id, name, email, email_key) values ($1, gen_random_uuid(), 'Bo', 'bo@theirs.test', 'bo@theirs.test')",
      [local],
      shared.superuserUrl,
    );
    const source = await tenancy.registry.findDataSourceByName('shared-1');
    await expect(
      provisioningWith().register(
        specOf('theirs', {
          placement: 'shared',
          dataSourceId: source?.id ?? '',
          tenantIdInDataSource: local,
        }),
      ),
    ).rejects.toThrow('email: cannot be made an admin: the database has users already');
    expect(await find('theirs')).toBeUndefined();
    const left = await sql(
      'select name from cloister.users where tenant_id = $1',
      [local],
      shared.superuserUrl,
    );
    expect(left).toEqual([{ name: 'Bo' }]);
  });

  it('follows its server to another address', async () => {
    await provisioningWith().register(specOf('moving'));
    const elsewhere = new URL(adminUrl());
    elsewhere.hostname = 'localhost';
    await enrolServer(tenancy, { name: 'here', adminUrl: elsewhere.toString() }, 'test');
    const tenant = await tenancy.registry.findTenantBySlug('moving');
    tenancy.directory.invalidateAll();
    // It has just been made, so it is found.
    const source = tenant && (await tenancy.directory.getDataSource(tenant));
    expect(source?.connection.host).toBe('localhost');
    expect(await adminsOf('moving')).toHaveLength(1);
    await enrolServer(tenancy, { name: 'here', adminUrl: adminUrl() }, 'test');
  });

  it('makes a database whose roles are safe and that nobody else may enter', async () => {
    await provisioningWith().register(specOf('apart'));
    const { id } = (await find('apart')) as Found; // it has just been made
    const name = `cloister_${id.replaceAll('-', '')}`;
    const rights = await withAdmin({ ...server(), database: name }, async (inside) => {
      const { rows } = await inside.query<{ owners: string[]; entrants: string[] }>(
        `select (select array_agg(distinct tableowner::text) from pg_tables where schemaname = 'cloister') as owners,
                (select array_agg(rolname::text order by rolname collate "C") from pg_roles
                 where has_database_privilege(rolname, current_database(), 'connect')
                   and not rolsuper and rolname <> $1 and rolname not like 'cloister\\_template%' and rolname not like 'pg\\_%') as entrants`,
        [SERVER_ADMIN],
      );
      return rows[0];
    });
    expect(rights).toEqual({
      owners: [`${name}_owner`],
      entrants: [`${name}_app`, `${name}_owner`],
    });
  });
});
