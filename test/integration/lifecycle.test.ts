/** The life of a tenant, as two processes over one registry see it. */
import { createApplication, type Application } from '../../src/application';
import {
  changePlan,
  closeTenant,
  endTrials,
  reopenTenant,
  resumeTenant,
  suspendTenant,
} from '../../src/platform/tenant-lifecycle';
import { createLogger } from '../../src/server/logger';
import { createWorld, PASSWORD, type World } from '../support/world';

const ACTOR = 'operator:ada@example.test';
const READ = '{ accounts(first: 1) { nodes { id } } }';
const WRITE = 'mutation { createAccount(input: { name: "Kept" }) { account { id } } }';

describe('the life of a tenant', () => {
  let world: World;
  let second: Application;
  let urls: string[];
  let token: string;
  let refreshToken: string;

  beforeAll(async () => {
    // Verdicts on sessions outlive the test: what refuses is the tenant's status alone.
    world = await createWorld({ environment: { AUTH_SESSION_CHECK_SECONDS: '60' } });
    second = await createApplication({
      config: world.config,
      logger: createLogger('silent'),
      refusalBeatMs: 1,
    });
    urls = [world.url, (await second.http.listen()).url];
    const login = await post(urls[0] ?? '', undefined, LOGIN('alpha'));
    ({ accessToken: token, refreshToken } = login.data.login as Record<string, string> as {
      accessToken: string;
      refreshToken: string;
    });
  });
  afterAll(async () => {
    await second.close();
    await world.close();
  });
  afterEach(async () => {
    await world.sql(
      world.registry,
      "update registry.tenants set status = 'active', plan = 'standard', trial_ends_at = null, closed_at = null, status_reason = ''",
    );
    await everywhere('200');
  });

  interface Reply {
    readonly status: number;
    readonly data: Record<string, Record<string, unknown>>;
    readonly errors: readonly {
      readonly message: string;
      readonly extensions: Record<string, unknown>;
    }[];
  }
  async function post(url: string, bearer: string | undefined, query: string): Promise<Reply> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify({ query }),
    });
    const body = (await response.json()) as Partial<Reply>;
    return { status: response.status, data: body.data ?? {}, errors: body.errors ?? [] };
  }
  const LOGIN = (tenant: string): string =>
    `mutation { login(input: { email: "admin@${tenant}.test", password: "${PASSWORD}" }) { accessToken refreshToken } }`;

  const told = ({ status, errors }: Reply): string => {
    const { code, reason } = errors[0]?.extensions ?? {};
    return [status, code, reason]
      .flatMap((part) => (part === undefined ? [] : String(part as string)))
      .join(' ');
  };
  /** Both processes come to answer so, and go on answering so. */
  async function everywhere(answer: string, bearer = token): Promise<void> {
    const deadline = Date.now() + 5000;
    for (const url of urls) {
      let last = '';
      while (last !== answer && Date.now() < deadline) last = told(await post(url, bearer, READ));
      expect(last).toBe(answer);
    }
  }
  const deps = () => ({ registryDb: world.application.tenancy.registryDb });
  const alpha = () => ({ tenantId: world.tenants.alpha.id, actor: ACTOR, reason: 'unpaid' });

  it('refuses reads, writes, log-in and refresh of a suspended tenant on every process, and loses nothing', async () => {
    await post(urls[0] ?? '', token, WRITE);
    const changed = await suspendTenant(deps(), alpha());
    expect(changed).toMatchObject({ status: 'suspended', statusReason: 'unpaid' });
    await everywhere('403 TENANT_SUSPENDED SUSPENDED');
    for (const url of urls) {
      expect(told(await post(url, token, WRITE))).toBe('403 TENANT_SUSPENDED SUSPENDED');
      expect(told(await post(url, undefined, LOGIN('alpha')))).toBe(
        '403 TENANT_SUSPENDED SUSPENDED',
      );
      const refresh = `mutation { refreshSession(input: { refreshToken: "${refreshToken}" }) { accessToken } }`;
      expect(told(await post(url, undefined, refresh))).toBe('403 TENANT_SUSPENDED SUSPENDED');
      // A wrong password learns nothing of it.
      const wrong = LOGIN('alpha').replace(PASSWORD, 'not-the-password');
      expect(told(await post(url, undefined, wrong))).toBe('401 UNAUTHENTICATED');
      expect(told(await post(url, undefined, LOGIN('beta')))).toBe('200');
    }
    await resumeTenant(deps(), alpha());
    await everywhere('200');
    const kept = await post(
      urls[1] ?? '',
      token,
      '{ accounts(filter: { name: { eq: "Kept" } }) { totalCount } }',
    );
    expect(kept.data['accounts']?.['totalCount']).toBe(1);
  });

  it('says of a closed tenant that it is closed, and reopens it for thirty days only', async () => {
    await closeTenant(deps(), alpha());
    await everywhere('403 TENANT_SUSPENDED CLOSED');
    expect(told(await post(urls[1] ?? '', undefined, LOGIN('alpha')))).toBe(
      '403 TENANT_SUSPENDED CLOSED',
    );
    await expect(resumeTenant(deps(), alpha())).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(suspendTenant(deps(), alpha())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await reopenTenant(deps(), alpha())).toMatchObject({ status: 'active', closedAt: null });
    await everywhere('200');
    await closeTenant(deps(), alpha());
    await world.sql(
      world.registry,
      "update registry.tenants set closed_at = now() - interval '31 days' where slug = 'alpha'",
    );
    await expect(reopenTenant(deps(), alpha())).rejects.toThrow(/30 days/);
  });

  it('ends a trial to the moment, before and after the job has come by', async () => {
    const onTrial = await changePlan(deps(), { ...alpha(), plan: 'trial' });
    expect(onTrial.status).toBe('trial');
    await everywhere('200');
    await world.sql(
      world.registry,
      "update registry.tenants set trial_ends_at = now() + interval '300 ms' where slug = 'alpha'",
    );
    // Nothing is announced at that moment: each process sees it by its own clock.
    await everywhere('403 TENANT_SUSPENDED TRIAL_ENDED');
    expect(await endTrials(deps())).toBe(1);
    expect(await endTrials(deps())).toBe(0);
    await everywhere('403 TENANT_SUSPENDED TRIAL_ENDED');
    await expect(resumeTenant(deps(), alpha())).rejects.toThrow(/trial of "alpha" has ended/);
    expect(await changePlan(deps(), { ...alpha(), plan: 'standard' })).toMatchObject({
      status: 'active',
      trialEndsAt: null,
    });
    await everywhere('200');
  });

  it('leaves a tenant suspended by hand suspended when its plan changes', async () => {
    await suspendTenant(deps(), alpha());
    expect(await changePlan(deps(), { ...alpha(), plan: 'enterprise' })).toMatchObject({
      status: 'suspended',
    });
    await everywhere('403 TENANT_SUSPENDED SUSPENDED');
  });

  it('refuses a plan that does not allow where the tenant is, and one that there is not', async () => {
    await world.sql(
      world.registry,
      "insert into registry.plans (name, placements) values ('apart', '{dedicated}')",
    );
    await expect(changePlan(deps(), { ...alpha(), plan: 'apart' })).rejects.toThrow(
      'The plan "apart" allows dedicated, but "alpha" is shared: move it first.',
    );
    await expect(changePlan(deps(), { ...alpha(), plan: 'golden' })).rejects.toThrow(
      'Expected one of the plans apart, enterprise, standard, trial, got another.',
    );
    await expect(
      suspendTenant(deps(), { ...alpha(), tenantId: '00000000-0000-7000-8000-000000000000' }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('keeps who did it and why', async () => {
    await suspendTenant(deps(), alpha());
    const [entry] = await world.sql<{ actor: string; after: Record<string, unknown> }>(
      world.registry,
      'select actor, after from registry.audit_log where row_id = $1 order by id desc limit 1',
      [world.tenants.alpha.id],
    );
    expect(entry).toMatchObject({
      actor: ACTOR,
      after: { status: 'suspended', status_reason: 'unpaid' },
    });
  });
});
