/** Rotation of the registry's keys while two server processes serve, and after it was killed. */
import { setTimeout as pause } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { seal } from '../../src/tenancy/secrets/envelope';
import { parseKeyring } from '../../src/tenancy/secrets/keyring';
import { rotateKeys, RotationRefused } from '../../src/tenancy/secrets/rotate-keys';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { cliEnvironment, cloister } from '../support/cli';
import { runScript, startServerProcess, type ServerProcess } from '../support/processes';
import { createWorld, PASSWORD, testConfig, type TenantName, type World } from '../support/world';

const T1 = `t1:${'0123456789abcdef'.repeat(4)}`;
const T2 = `t2:${'fedcba9876543210'.repeat(4)}`;
const ACCOUNTS = '{ accounts(first: 1) { nodes { id } } }';
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';
const TENANTS: readonly TenantName[] = ['alpha', 'beta', 'gamma', 'delta'];
const MORE_SOURCES = 40;

let world: World;
const open: Tenancy[] = [];

beforeAll(async () => {
  world = await createWorld();
  await addDirectlySealed(MORE_SOURCES);
});
afterAll(async () => {
  await world.close();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((tenancy) => tenancy.close()));
});

const variables = (keys: string) => cliEnvironment(world.registry, keys);
const tenancyWith = (keys: string): Tenancy => {
  const tenancy = createTenancy(testConfig(world.registry, { REGISTRY_KEYS: keys }), {
    listen: false,
  });
  open.push(tenancy);
  return tenancy;
};
const rotate = (keys: string, options?: Parameters<typeof rotateKeys>[2]) =>
  rotateKeys(tenancyWith(keys), parseConnectionUrl(world.registry.appUrl), options);
const keysCommand = (keys: string, ...args: string[]) =>
  cloister(['keys', ...args], variables(keys));

/** Data sources as registries held them before there were data keys. */
async function addDirectlySealed(count: number): Promise<void> {
  const url = world.tenants.gamma.database.appUrl;
  for (let index = 0; index < count; index += 1) {
    const id = uuidv7();
    const sealed = seal(url, { rowId: id, column: 'url_sealed' }, parseKeyring(T1));
    await world.sql(
      world.registry,
      "insert into registry.data_sources (id, name, placement, url_sealed) values ($1, $2, 'dedicated', $3)",
      [id, `older-${uuidv7()}`, sealed],
    );
  }
}

/** Puts a second factor's secret into a tenant's database. @returns how to open it. */
async function sealTotp(slug: TenantName): Promise<(tenancy: Tenancy) => Promise<string>> {
  const { id: tenantId, localTenantId, users, database } = world.tenants[slug];
  const owner = { kind: 'tenant' as const, id: tenantId };
  const place = { rowId: uuidv7(), column: 'secret_sealed' };
  const sealed = await tenancyWith(`${T1},${T2}`).secretBox.seal(owner, place, 'JBSWY3DPEHPK3PXP');
  await world.sql(
    database,
    'insert into cloister.user_totp (tenant_id, id, user_id, secret_sealed) values ($1, $2, $3, $4)',
    [localTenantId, place.rowId, users.admin, sealed],
  );
  return async (tenancy) => {
    const [row] = await world.sql<{ secret_sealed: string }>(
      database,
      'select secret_sealed from cloister.user_totp where id = $1',
      [place.rowId],
    );
    return tenancy.secretBox.open(owner, place, row?.secret_sealed ?? '');
  };
}

async function post(url: string, query: string, token?: string, input?: object): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables: { input } }),
  });
  return response.text();
}

/** Asks for every tenant at every server, again and again, until told to stop. */
async function keepAsking(servers: readonly ServerProcess[]) {
  const tokens = new Map<TenantName, string>();
  for (const tenant of TENANTS) {
    const answer = await post(servers[0]?.url ?? '', LOGIN, undefined, {
      email: `admin@${tenant}.test`,
      password: PASSWORD,
    });
    const { data } = JSON.parse(answer) as { data: { login: { accessToken: string } } };
    tokens.set(tenant, data.login.accessToken);
  }
  const failures: string[] = [];
  let answered = 0;
  let going = true;
  const ask = async (server: ServerProcess, tenant: TenantName): Promise<void> => {
    while (going) {
      const answer = await post(server.url, ACCOUNTS, tokens.get(tenant));
      answered += 1;
      await pause(5);
      if (!answer.startsWith('{"data":{"accounts"')) failures.push(answer);
    }
  };
  // Everybody looks at everything again, so that all credentials are opened all the time.
  const invalidate = async (): Promise<void> => {
    const tenancy = tenancyWith(T1);
    const sources = await tenancy.registry.listDataSources();
    const keyIds = () =>
      world.sql<{ id: string }>(world.registry, 'select id from registry.data_keys');
    while (going) {
      for (const { id } of sources) await tenancy.registry.announce(`data_sources:${id}`);
      for (const { id } of await keyIds()) await tenancy.registry.announce(`data_keys:${id}`);
      await pause(100);
    }
  };
  const running = [
    invalidate(),
    ...servers.flatMap((server) => TENANTS.map((tenant) => ask(server, tenant))),
  ];
  return {
    failures,
    answered: () => answered,
    async stop(): Promise<void> {
      going = false;
      await Promise.all(running);
    },
  };
}

it('goes over from one master key to another while two processes serve, without a failed request', async () => {
  const openTotp = await sealTotp('alpha');
  // As the instructions say: first every process knows the new key, then it comes first.
  const servers = await Promise.all([
    startServerProcess(variables(`${T1},${T2}`)),
    startServerProcess(variables(`${T2},${T1}`)),
  ]);
  const load = await keepAsking(servers);
  try {
    const before = await keysCommand(`${T2},${T1}`, 'status', '--without', 't1');
    expect(before.exitCode).toBe(1);
    expect(before.stdout).toContain('Still needed: t1, by the data key of data source byo');
    expect(before.stdout).toContain(`and ${MORE_SOURCES + 4 - 10} more.`);

    const rotated = await keysCommand(`${T2},${T1}`, 'rotate');
    expect(rotated).toMatchObject({ exitCode: 0 });
    expect(rotated.stdout).toContain(`${MORE_SOURCES} values were sealed anew`);
    expect(rotated.stdout).toContain('4 data keys were sealed anew with t2.');
    const renewed = await keysCommand(`${T2},${T1}`, 'rotate', '--data-keys');
    expect(renewed).toMatchObject({ exitCode: 0 });
    expect(renewed.stdout).toContain(`${MORE_SOURCES + 4} new data keys were made.`);
    expect(renewed.stdout).toContain(`${MORE_SOURCES + 7} values were sealed anew`);

    const after = await keysCommand(`${T2},${T1}`, 'status', '--without', 't1');
    expect(after.stdout).toContain('Nothing needs t1: it may be struck off.');
    expect(after.exitCode).toBe(0);
    const answered = load.answered();
    while (load.answered() < answered + 50) await pause(10);
  } finally {
    await load.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }
  expect(load.failures).toEqual([]);

  const checked = await keysCommand(T2, 'check');
  expect(checked.stdout).toContain(`All ${MORE_SOURCES + 6} sealed values`);
  expect(await openTotp(tenancyWith(T2))).toBe('JBSWY3DPEHPK3PXP');
  // Who still has nothing but the retired key connects nowhere.
  const retired = tenancyWith(T1);
  const tenant = await retired.registry.findTenantBySlug('gamma');
  if (tenant === undefined) throw new Error('Expected the tenant gamma.');
  await expect(retired.directory.getDataSource(tenant)).rejects.toMatchObject({
    details: { reason: 'BAD_KEY' },
  });
  const { exitCode, stdout } = await keysCommand(T1, 'status');
  expect(stdout).toContain('MISSING  t2 (local), for the data key of data source byo');
  expect(exitCode).toBe(1);
});

it('is refused while another one runs', async () => {
  let second: unknown;
  await rotate(`${T1},${T2}`, {
    onProgress: () => {
      second ??= rotate(`${T1},${T2}`).catch((error: unknown) => error);
    },
  });
  expect(await second).toBeInstanceOf(RotationRefused);
});

it.each(['new data keys', 'values', 'tenants’ values', 'data keys'])(
  'goes on where it was killed in the step “%s”',
  async (step) => {
    await addDirectlySealed(12);
    const keys = `${T2},${T1}`;
    await rotate(`${T1},${T2}`); // so that every data key is due again
    const { signal, output } = await runScript('rotation.process.ts', [step], variables(keys));
    expect({ signal, output }).toMatchObject({ signal: 'SIGKILL' });

    const due = (await keysCommand(keys, 'check')).stdout;
    expect(due).toMatch(/All \d+ sealed values and \d+ data keys open/);
    const report = await rotate(keys);
    expect(report.faults).toEqual([]);
    // A renewal that was begun is finished, once: nobody gets a second new key.
    const [left] = await world.sql<{ owners: number; active: number; unfinished: number }>(
      world.registry,
      `select count(distinct owner_id)::integer as owners,
         count(*) filter (where status = 'active')::integer as active,
         (select count(*)::integer from registry.data_key_renewals where finished_at is null) as unfinished
       from registry.data_keys where status <> 'destroyed'`,
    );
    expect(left).toMatchObject({ unfinished: 0, active: left?.owners });
    expect((await keysCommand(T2, 'check')).exitCode).toBe(0);
  },
);

it('keeps replaced data keys for an hour, and destroys them when nothing names them', async () => {
  const retired = async (): Promise<number> => {
    const [row] = await world.sql<{ count: number }>(
      world.registry,
      "select count(*)::integer as count from registry.data_keys where status = 'retired'",
    );
    return row?.count ?? -1;
  };
  await rotate(`${T2},${T1}`, { renewDataKeys: true });
  expect(await retired()).toBeGreaterThan(0);
  await world.sql(
    world.registry,
    "update registry.data_keys set retired_at = retired_at - interval '61 minutes' where status = 'retired'",
  );
  expect((await rotate(`${T2},${T1}`)).dataKeysDestroyed).toBeGreaterThan(0);
  expect(await retired()).toBe(0);
  expect((await keysCommand(T2, 'check')).exitCode).toBe(0);
});

it('brings over what it can, names what it cannot, and destroys nothing then', async () => {
  const keys = `${T2},${T1}`;
  const [{ id, key_sealed: before } = { id: '', key_sealed: '' }] = await world.sql<{
    id: string;
    key_sealed: string;
  }>(
    world.registry,
    `select k.id, key_sealed from registry.data_keys k join registry.data_sources d on d.id = k.owner_id
     where d.name = 'byo' and k.status = 'active'`,
  );
  const set = 'update registry.data_keys set key_sealed = $2 where id = $1';
  await world.sql(world.registry, set, [id, `${before.slice(0, -4)}AAAA`]);
  const broken = await keysCommand(`${T1},${T2}`, 'rotate');
  expect(broken.exitCode).toBe(1);
  expect(broken.stdout).toMatch(/FAIL {2}the data key of data_source [0-9a-f-]{36}: /);
  expect(broken.stdout).toContain('data keys were sealed anew with t1');
  await world.sql(world.registry, set, [id, before]);
  expect((await keysCommand(keys, 'rotate')).exitCode).toBe(0);
  expect((await keysCommand(T2, 'check')).exitCode).toBe(0);
});
