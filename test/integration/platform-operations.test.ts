/** What operators do by their API, what it does to tenants, and what the audit log says of it. */
import { createPlatform, type Platform } from '../support/platform';
import { createWorld, PASSWORD, type World } from '../support/world';

const ERRORS = 'userErrors { field message code }';

interface Entry {
  readonly actor: string | null;
  readonly table: string;
  readonly operation: string;
  readonly rowId: string;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
}

describe('an operator', () => {
  let world: World;
  let platform: Platform;
  beforeAll(async () => {
    world = await createWorld({
      environment: { AUTH_SESSION_CHECK_SECONDS: '0', JOBS_CONCURRENCY: '2' },
    });
    platform = await createPlatform(world);
  });
  afterAll(() => world.close());

  type Payload = Record<string, unknown> & { userErrors: { field: string[]; code: string }[] };
  async function run(name: string, input: Record<string, unknown>, select = ''): Promise<Payload> {
    const Name = name.charAt(0).toUpperCase() + name.slice(1);
    const data = await platform.ask<Record<string, Payload>>(
      'owner',
      `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${select} ${ERRORS} } }`,
      { input },
    );
    return data[name] as Payload;
  }

  /** Entries about a record, newest first. */
  async function entriesOf(id: string): Promise<Entry[]> {
    const { auditLog } = await platform.ask<{ auditLog: { nodes: Entry[] } }>(
      'viewer',
      `query ($id: ID!) { auditLog(filter: { rowId: { eq: $id } }) {
         nodes { actor table operation rowId before after } } }`,
      { id },
    );
    return auditLog.nodes;
  }

  const viewerOf = (tenant: 'alpha' | 'beta') =>
    world.query({ tenant, role: 'admin' }, '{ viewer { tenant { slug } } }');

  it('suspends a tenant, which holds at once and is audited under their name', async () => {
    const id = await platform.idOf('tenants', 'beta');
    expect((await viewerOf('beta')).errors).toEqual([]);
    const { tenant, userErrors } = await run(
      'suspendTenant',
      { id, reason: 'unpaid' },
      'tenant { status statusReason }',
    );
    expect({ tenant, userErrors }).toEqual({
      tenant: { status: 'SUSPENDED', statusReason: 'unpaid' },
      userErrors: [],
    });
    // This process hears of it by NOTIFY.
    let code: string | undefined;
    for (let look = 0; look < 100 && code === undefined; look += 1) {
      code = (await viewerOf('beta')).errors[0]?.extensions.code;
      if (code === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(code).toBe('TENANT_SUSPENDED');
    const [entry] = await entriesOf(id);
    expect(entry).toMatchObject({
      actor: 'operator:owner@cloister.test',
      table: 'tenants',
      operation: 'UPDATE',
      rowId: id,
      before: { status: 'active' },
      after: { status: 'suspended', status_reason: 'unpaid' },
    });
    await run('resumeTenant', { id });
    expect((await entriesOf(id))[0]).toMatchObject({ after: { status: 'active' } });
  });

  it('is told what cannot be done', async () => {
    const id = await platform.idOf('tenants', 'gamma');
    const faults = async (name: string, input: Record<string, unknown>) =>
      (await run(name, input)).userErrors.map(({ field, code }) => `${code} ${field.join('.')}`);
    expect(await faults('suspendTenant', { id: 'tenant_nonsense' })).toEqual(['NOT_FOUND id']);
    expect(await faults('changePlan', { id, plan: 'none-such' })).toEqual(['INVALID plan']);
    expect(await faults('reopenTenant', { id })).toEqual(['CONFLICT ']);
    expect(await faults('setTenantLimits', { id, users: 0 })).toEqual(['INVALID users']);
    expect(await faults('rotateKeys', { confirm: 'yes' })).toEqual(['INVALID confirm']);
    expect(await faults('eraseTenant', { id, confirm: 'alpha' })).toEqual(['INVALID confirm']);
    expect(await faults('eraseTenant', { id, confirm: 'gamma' })).toEqual(['CONFLICT id']);
    const there = await platform.idOf('dataSources', 'dedicated');
    expect(await faults('moveTenant', { id, targetDataSourceId: there })).toEqual([
      'CONFLICT targetDataSourceId',
    ]);
    expect(await faults('updateDataSource', { id: there, poolMin: 20, poolMax: 10 })).toEqual([
      'INVALID poolMin',
    ]);
    expect(await faults('testDataSource', {})).toEqual(['INVALID placement', 'INVALID url']);
    expect(
      await faults('addDataSource', { name: 'x', placement: 'SHARED', url: 'mysql://a:b@c/d' }),
    ).toEqual(['INVALID ']);
    expect(
      await faults('createOperator', { email: 'no', name: '', role: 'VIEWER', password: 'short' }),
    ).toEqual(['INVALID email', 'INVALID name', 'INVALID password']);
    const again = { email: 'OWNER@cloister.test', name: 'x', role: 'VIEWER', password: PASSWORD };
    expect(await faults('createOperator', again)).toEqual(['CONFLICT email']);
  });

  it('gives a tenant another plan and limits of its own', async () => {
    const id = await platform.idOf('tenants', 'gamma');
    const changed = await run('changePlan', { id, plan: 'enterprise' }, 'tenant { plan }');
    expect(changed).toMatchObject({ tenant: { plan: 'enterprise' }, userErrors: [] });
    const limits = { users: 7, records: null, storageBytes: 5_000_000_000 };
    const limited = await run('setTenantLimits', { id, ...limits }, 'tenant { limitOverrides }');
    expect(limited).toMatchObject({
      tenant: {
        limitOverrides: { max_users: 7, max_records: null, max_storage_bytes: 5_000_000_000 },
      },
    });
    const freed = await run(
      'setTenantLimits',
      { id, followPlan: ['USERS', 'RECORDS'] },
      'tenant { limitOverrides }',
    );
    expect(freed).toMatchObject({
      tenant: { limitOverrides: { max_storage_bytes: 5_000_000_000 } },
    });
    expect((await entriesOf(id)).slice(0, 3).map(({ actor }) => actor)).toEqual(
      Array(3).fill('operator:owner@cloister.test'),
    );
  });

  it('drains a data source and sets its pool, and sees that it is fit to serve from', async () => {
    const id = await platform.idOf('dataSources', 'byo');
    const { dataSource } = await run(
      'updateDataSource',
      { id, status: 'DRAINING', poolMax: 7 },
      'dataSource { status poolMax poolMin }',
    );
    expect(dataSource).toEqual({ status: 'DRAINING', poolMax: 7, poolMin: 0 });
    expect((await entriesOf(id))[0]).toMatchObject({
      actor: 'operator:owner@cloister.test',
      table: 'data_sources',
      after: { pool_max: 7, url_sealed: expect.stringMatching(/^sealed:/) },
    });
    const shared = await platform.idOf('dataSources', 'shared');
    const tested = await run('testDataSource', { id: shared }, 'ok findings { check status }');
    expect(tested['findings']).toContainEqual({ check: 'role', status: 'PASSED' });
  });

  it('makes a tenant whose admin can sign in', async () => {
    const input = {
      slug: 'omega',
      name: 'Omega',
      plan: 'standard',
      placement: 'SHARED',
      dataSourceId: await platform.idOf('dataSources', 'shared'),
      adminEmail: 'admin@omega.test',
      adminPassword: PASSWORD,
    };
    const { tenant, userErrors } = await run(
      'createTenant',
      input,
      'tenant { id slug status dataSource { name } }',
    );
    expect(userErrors).toEqual([]);
    expect(tenant).toMatchObject({
      slug: 'omega',
      status: 'ACTIVE',
      dataSource: { name: 'shared' },
    });
    const login = await world.query<{ login: { accessToken: string } }>(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
      { input: { email: 'admin@omega.test', password: PASSWORD } },
    );
    expect(login.data.login.accessToken).toBeTruthy();
    const made = (await entriesOf((tenant as { id: string }).id)).at(-1);
    expect(made).toMatchObject({ actor: 'operator:owner@cloister.test', operation: 'INSERT' });
  });

  it('starts a job and follows it to its end', async () => {
    const { job } = await run('migrateFleet', { confirm: 'migrateFleet' }, 'job { id state name }');
    expect(job).toMatchObject({ name: 'operator.migrate-fleet' });
    const { id } = job as { id: string };
    let state = '';
    let output: unknown;
    for (let look = 0; look < 150 && !['COMPLETED', 'FAILED'].includes(state); look += 1) {
      const found = await platform.ask<{ job: { state: string; output: unknown } }>(
        'viewer',
        'query ($id: ID!) { job(id: $id) { state output } }',
        { id },
      );
      ({ state, output } = found.job);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect({ state, output }).toMatchObject({
      state: 'COMPLETED',
      output: { dataSources: 3, failed: 0, notBegun: 0 },
    });
  });

  it('sees that the audit log was tampered with', async () => {
    const verify = 'mutation { verifyAudit { intact fault { kind position message } position } }';
    const before = await platform.ask<{ verifyAudit: { intact: boolean; position: number } }>(
      'operator',
      verify,
    );
    expect(before.verifyAudit.intact).toBe(true);
    expect(before.verifyAudit.position).toBeGreaterThan(10);
    await world.sql(
      world.registry,
      `alter table registry.audit_log disable trigger append_only;
       update registry.audit_log set actor = 'operator:somebody@else.test'
         where id = (select entry_id from registry.audit_chain where position = 9)`,
    );
    const after = await platform.ask<{ verifyAudit: Record<string, unknown> }>('operator', verify);
    expect(after.verifyAudit).toMatchObject({
      intact: false,
      fault: { kind: 'ENTRY_CHANGED', position: 9 },
      position: 8,
    });
  });
});

describe('the operators’ API on a listener of its own', () => {
  it('is served there and not beside the tenants’', async () => {
    const world = await createWorld({
      environment: { PLATFORM_HOST: '127.0.0.1', PLATFORM_PORT: '0' },
    });
    try {
      const address = await world.application.platformHttp?.listen();
      const platform = await createPlatform(world, address?.url);
      expect(await platform.ask('owner', '{ viewer { email } }')).toEqual({
        viewer: { email: 'owner@cloister.test' },
      });
      const statusOf = async (url: string): Promise<number> =>
        (
          await fetch(url, {
            method: 'POST',
            body: '{}',
            headers: { 'content-type': 'application/json' },
          })
        ).status;
      expect(await statusOf(`${world.url}/platform/graphql`)).toBe(404);
      expect(await statusOf(`${address?.url}/graphql`)).toBe(404);
      expect((await fetch(`${address?.url}/healthz`)).status).toBe(200);
    } finally {
      await world.close();
    }
  });
});
