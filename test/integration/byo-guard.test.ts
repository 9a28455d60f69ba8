/** Where a customer's own database may be: every way to connect to it goes past the same guard. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { uuidv7 } from 'uuidv7';
import { createAddressGuard, type Resolve } from '../../src/database/address-guard';
import { migrateDatabase } from '../../src/database/migrate-database';
import { findSchemaState } from '../../src/database/schema-state';
import { isAppError } from '../../src/errors';
import { addDataSource } from '../../src/tenancy/add-data-source';
import { reportConnection } from '../../src/tenancy/connection-report';
import { parseDataSourceUrl } from '../../src/tenancy/data-source-url';
import { lookAtDataSource, migrateOne } from '../../src/tenancy/migrate-fleet';
import { enrolDataSource } from '../../src/tenancy/provision';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { ask, dataSourceAt, eventually, openSessionOn, testPools } from '../support/data-sources';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { createWorld, testConfig, type World } from '../support/world';

const SELECT = { text: 'select 1 as one', values: [] };

let world: World;
/** A process that allows nothing but public addresses, as production does. */
let strict: Tenancy;
let proxy: TcpProxy;
beforeAll(async () => {
  world = await createWorld();
  strict = createTenancy(testConfig(world.registry, { BYO_ALLOWED_NETWORKS: '' }), {
    listen: false,
  });
  proxy = await startTcpProxy(world.tenants.delta.database.superuserUrl);
  // Delta's database is brought by its customer, at a name that leads to this machine.
  await enrolDataSource(world.application.tenancy, {
    name: 'byo',
    placement: 'byo',
    url: named(proxy.through(world.tenants.delta.database.appUrl)),
    migrationUrl: named(proxy.through(world.tenants.delta.database.ownerUrl)),
  });
});
afterAll(async () => {
  await strict.close();
  await world.close();
  await proxy.close();
});

const named = (url: string): string => url.replace('127.0.0.1', 'localhost');

async function delta(tenancy: Tenancy) {
  const tenant = await tenancy.registry.findTenant(world.tenants.delta.id);
  const source = await tenancy.registry.findDataSourceByName('byo');
  if (tenant === undefined || source === undefined) throw new Error('Expected delta to be there.');
  return { tenant, source };
}

describe('a customer’s database at an address that is not allowed', () => {
  beforeEach(() => proxy.clear());
  afterEach(() => expect(proxy.packets).toHaveLength(0));

  it('is not connected to for a request', async () => {
    const { tenant } = await delta(strict);
    await expect(strict.openSession(tenant).query(SELECT)).rejects.toMatchObject({
      code: 'TENANT_UNAVAILABLE',
      details: { reason: 'ADDRESS_REFUSED' },
    });
  });

  it('is not connected to for a migration, nor to see what is pending', async () => {
    const { source } = await delta(strict);
    for (const outcome of [
      await migrateOne(strict, source),
      await lookAtDataSource(strict, source),
    ]) {
      expect(outcome).toMatchObject({
        state: 'failed',
        fault: {
          detail: expect.stringContaining('not allowed') as string,
          remedy: expect.stringContaining('BYO_ALLOWED_NETWORKS') as string,
        },
      });
    }
  });

  it('is not connected to by the doctor, who says why', async () => {
    const { tenant } = await delta(strict);
    const report = await reportConnection(strict, tenant);
    expect(report.checks).toContainEqual(
      expect.objectContaining({ status: 'failed', reason: 'ADDRESS_REFUSED' }),
    );
  });

  it('is not enrolled, by its address or by its name', async () => {
    const url = proxy.through(world.tenants.delta.database.appUrl);
    const spec = { name: 'another', placement: 'byo' as const };
    await expect(enrolDataSource(strict, { ...spec, url })).rejects.toThrow('not public');
    await expect(addDataSource(strict, { ...spec, url: named(url) })).rejects.toMatchObject({
      details: { reason: 'ADDRESS_REFUSED' },
    });
    expect(await strict.registry.findDataSourceByName('another')).toBeUndefined();
  });

  it('does not keep a database of the operator’s own from being there', async () => {
    const tenant = await strict.registry.findTenant(world.tenants.gamma.id);
    if (tenant === undefined) throw new Error('Expected gamma to be there.');
    expect(await strict.openSession(tenant).query(SELECT)).toEqual([{ one: 1 }]);
  });
});

it('serves a customer’s database in a network that the operator allows', async () => {
  const answer = await world.query({ tenant: 'delta' }, '{ accounts { totalCount } }');
  expect(answer.errors).toEqual([]);
  expect(proxy.attempts()).toBeGreaterThan(0);
});

describe('a name that leads elsewhere each time it is looked up', () => {
  /** Public or allowed when it is looked at, the metadata service when it is used. */
  const rebinding = (): { resolve: Resolve; asked: () => number } => {
    const answers = ['127.0.0.1'];
    let asked = 0;
    return {
      asked: () => asked,
      resolve: (_host, report) => {
        asked += 1;
        report(null, [{ address: answers.shift() ?? '169.254.169.254', family: 4 }]);
      },
    };
  };
  const settingsAt = (url: string, resolve: Resolve) =>
    parseDataSourceUrl(
      named(url),
      'byo',
      createAddressGuard({ allowedNetworks: ['127.0.0.0/8'], resolve }),
    );

  it('is blocked at the connection after, whoever makes it', async () => {
    const { ownerUrl } = world.tenants.delta.database;
    const { resolve } = rebinding();
    const settings = settingsAt(ownerUrl, resolve);
    expect(await findSchemaState(settings, 'tenant')).toMatchObject({ pending: [] });
    await expect(findSchemaState(settings, 'tenant')).rejects.toMatchObject({
      code: 'EADDRREFUSED',
    });
    await expect(migrateDatabase(settings, 'tenant')).rejects.toMatchObject({
      code: 'EADDRREFUSED',
    });
  });

  it('does not lead a cancel request away: it goes where the statement runs', async () => {
    const { database, localTenantId } = world.tenants.delta;
    const { resolve, asked } = rebinding();
    const pools = testPools();
    const dataSource = dataSourceAt(database.appUrl, {
      connection: settingsAt(database.appUrl, resolve),
    });
    const session = openSessionOn(pools, dataSource, localTenantId);
    const marker = `cancelled-${uuidv7()}`;
    const running = session
      .query({ text: `select pg_sleep(30), '${marker}'`, values: [] })
      .catch((error: unknown) => error);
    const isRunning = async (): Promise<boolean> =>
      (
        await ask(
          database.superuserUrl,
          `select from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()`,
          [`%'${marker}'%`],
        )
      ).length > 0;
    await eventually(isRunning, (is) => is);
    session.cancel(new Error('enough'));
    await eventually(isRunning, (is) => !is);
    expect(await running).toBeInstanceOf(Error);
    expect(asked()).toBe(1);
    await session.end();
    await pools.close();
  });
});

it('asks for the certificate of the host’s name, not of the address it connects to', async () => {
  const names: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('S');
      new TLSSocket(socket, {
        isServer: true,
        SNICallback: (name, done) => {
          names.push(name);
          done(new Error('enough'));
        },
      }).on('error', () => undefined);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const guard = createAddressGuard({
    allowedNetworks: ['127.0.0.0/8'],
    resolve: (_host, report) => report(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  const url = `postgres://a:b@db.customer.example:${port}/c?sslmode=verify-full`;
  await expect(findSchemaState(parseDataSourceUrl(url, 'byo', guard), 'tenant')).rejects.toThrow();
  expect(names).toEqual(['db.customer.example']);
  await new Promise((resolve) => server.close(resolve));
});

it('gives a customer’s server that accepts and says nothing up, as any that is out of reach', async () => {
  const sockets = new Set<Socket>();
  const tarpit = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(tarpit, 'listening');
  const { port } = tarpit.address() as AddressInfo;
  const guard = createAddressGuard({ allowedNetworks: ['127.0.0.0/8'] });
  const connection = parseDataSourceUrl(`postgres://a:b@localhost:${port}/c`, 'byo', guard);
  const pools = testPools({ connectTimeoutMs: 200 });
  const session = openSessionOn(
    pools,
    dataSourceAt('postgres://a:b@h/c', { connection }),
    uuidv7(),
  );
  const failure: unknown = await session.query(SELECT).catch((error: unknown) => error);
  expect(isAppError(failure) && failure.details['reason']).toBe('DATA_SOURCE_UNREACHABLE');
  await pools.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => tarpit.close(resolve));
});
