/** What clients see when credentials were tampered with, and when the key service is away. */
import { createApplication, type Application } from '../../src/application';
import type { TenantUnavailableReason } from '../../src/errors';
import { createLogger } from '../../src/server/logger';
import { useAwsCredentials } from '../support/aws-credentials';
import { eventually } from '../support/data-sources';
import { startKmsServer, type KmsServer } from '../support/kms-server';
import { createWorld, PASSWORD, type TenantName, type World } from '../support/world';

const ACCOUNTS = '{ accounts(first: 1) { nodes { id } } }';
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';

useAwsCredentials();

describe('credentials sealed under AWS KMS', () => {
  let kms: KmsServer;
  let world: World;
  let cold: Application | undefined;
  const tokens = new Map<TenantName, string>();

  beforeAll(async () => {
    kms = await startKmsServer(['alias/cloister']);
    world = await createWorld({
      environment: {
        REGISTRY_KEY_PROVIDER: 'aws-kms',
        REGISTRY_KEYS: '',
        REGISTRY_KMS_KEYS: 'alias/cloister',
        REGISTRY_KMS_REGION: 'eu-central-1',
        REGISTRY_KMS_ENDPOINT: kms.url,
        REGISTRY_KEY_TIMEOUT_MS: '300',
        AUTH_SESSION_CHECK_SECONDS: '0',
      },
    });
    for (const tenant of ['alpha', 'gamma', 'delta'] as const) {
      const { data } = await world.query<{ login: { accessToken: string } }>(undefined, LOGIN, {
        input: { email: `admin@${tenant}.test`, password: PASSWORD },
      });
      tokens.set(tenant, data.login.accessToken);
    }
  });
  afterEach(async () => {
    kms.set('works');
    await cold?.close();
    cold = undefined;
  });
  afterAll(async () => {
    await world.close();
    await kms.close();
  });

  async function startCold(): Promise<string> {
    const { config } = world;
    cold = await createApplication({ config, logger: createLogger('silent'), refusalBeatMs: 1 });
    return (await cold.http.listen()).url;
  }

  /** `OK`, or what was wrong. */
  async function ask(url: string, tenant: TenantName): Promise<string> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization: `Bearer ${tokens.get(tenant)}`,
      },
      body: JSON.stringify({ query: ACCOUNTS }),
    });
    const { errors } = (await response.json()) as {
      errors?: { extensions: { code: string; reason?: TenantUnavailableReason } }[];
    };
    const [first] = errors ?? [];
    if (first === undefined) return 'OK';
    return `${response.status} ${first.extensions.code} ${first.extensions.reason ?? ''}`;
  }

  it.each(['cut', 'silent'] as const)(
    'keep warm tenants working and name the reason to cold ones while KMS is %s, and all work when it is back',
    async (mode) => {
      const url = await startCold();
      expect(await ask(url, 'alpha')).toBe('OK');
      kms.set(mode);
      for (let round = 0; round < 3; round += 1) {
        expect(await ask(url, 'gamma')).toBe('503 TENANT_UNAVAILABLE KEY_PROVIDER_UNREACHABLE');
        expect(await ask(url, 'alpha')).toBe('OK');
      }
      // Known, but due for a new look: what was known goes on.
      cold?.tenancy.directory.invalidateAll();
      cold?.tenancy.secretBox.invalidate();
      expect(await ask(url, 'alpha')).toBe('OK');
      kms.set('works');
      const back = await eventually(
        () => ask(url, 'gamma'),
        (answer) => answer === 'OK',
        5000,
      );
      expect(back).toBe('OK');
    },
  );

  it('connect nowhere when a byte of them, or of their data key, was changed', async () => {
    let url = await startCold();
    const sql = (text: string, values: unknown[] = []) =>
      world.sql<{ value: string }>(world.registry, text, values);
    const places = [
      ['url_sealed', 'registry.data_sources', "name = 'byo'"],
      [
        'key_sealed',
        'registry.data_keys',
        "owner_id = (select id from registry.data_sources where name = 'byo')",
      ],
    ] as const;
    for (const [column, table, where] of places) {
      const [{ value } = { value: '' }] = await sql(
        `select ${column} as value from ${table} where ${where}`,
      );
      const set = `update ${table} set ${column} = $1 where ${where}`;
      const middles = [0.2, 0.5, 0.98].map((share) => Math.floor(value.length * share));
      for (const at of middles) {
        const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
        await sql(set, [changed]);
        // In a process that has not opened them before.
        await cold?.close();
        url = await startCold();
        expect(await ask(url, 'delta')).toBe('503 TENANT_UNAVAILABLE BAD_KEY');
      }
      expect(cold?.tenancy.pools.stats().map(({ dataSource }) => dataSource)).not.toContain('byo');
      await sql(set, [value]);
    }
    await cold?.close();
    url = await startCold();
    expect(await ask(url, 'delta')).toBe('OK');
  });

  it('are counted in the metrics, by provider and without a name', async () => {
    const url = await startCold();
    expect(await ask(url, 'alpha')).toBe('OK');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('cloister_data_keys_in_memory 1');
    expect(metrics).toContain(
      'cloister_key_provider_calls_total{provider="aws-kms",outcome="done"} 1',
    );
    expect(metrics).not.toContain('datakey_');
  });
});
