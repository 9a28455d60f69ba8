import { uuidv7 } from 'uuidv7';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { invalidateEverything, invalidateTenant } from '../../src/tenancy/invalidate';
import { createRegistryDatabase } from '../../src/tenancy/registry-database';
import { createRegistryStore } from '../../src/tenancy/registry.store';
import { startRegistryListener, type RegistryListener } from '../../src/tenancy/registry-listener';
import { ask, eventually } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { testConfig, testRegistryTemplate } from '../support/world';

describe('the listener on the registry', () => {
  let registry: TestDatabase;
  let proxy: TcpProxy;
  let listener: RegistryListener;
  let heard: string[];

  const listen = (): void => {
    heard = [];
    listener = startRegistryListener(
      parseConnectionUrl(proxy.through(registry.appUrl)),
      {
        invalidate: (kind, id) => void heard.push(`${kind}:${id}`),
        invalidateAll: () => void heard.push('everything'),
      },
      {
        heartbeatMs: 50,
        minRetryMs: 10,
        evictPools: (id) => void heard.push(`pools:${id ?? 'all'}`),
      },
    );
  };
  const connected = (expected: boolean) =>
    eventually(
      () => listener.connected(),
      (now) => now === expected,
      10_000,
    );
  const insertTenant = async (): Promise<string> => {
    const id = uuidv7();
    const text =
      'insert into registry.tenants (id, slug, name, tenant_id_in_data_source) values ($1, $2, $2, $1)';
    await ask(registry.superuserUrl, text, [id, `t-${id}`]);
    return id;
  };

  beforeAll(async () => {
    registry = await cloneDatabase(await testRegistryTemplate());
  });
  beforeEach(async () => {
    proxy = await startTcpProxy(registry.appUrl);
  });
  afterEach(async () => {
    await listener.close();
    await proxy.close();
  });
  afterAll(() => registry.drop());

  it('tells of what an operator had looked at anew: one tenant, or everything', async () => {
    listen();
    await connected(true);
    const db = createRegistryDatabase(parseConnectionUrl(registry.appUrl), testConfig(registry));
    try {
      const store = createRegistryStore(db);
      heard.length = 0;
      await invalidateTenant(store, { id: 'tenant-id', dataSourceId: 'source-id' });
      await invalidateEverything(store);
      await eventually(
        () => heard,
        (all) => all.length === 5,
      );
      expect(heard).toEqual([
        'tenants:tenant-id',
        'data_sources:source-id',
        'pools:source-id',
        'everything',
        'pools:all',
      ]);
    } finally {
      await db.destroy();
    }
  });

  it('tells of each changed row by table and id, and of no mere use', async () => {
    listen();
    await connected(true);
    const id = await insertTenant();
    await eventually(
      () => heard,
      (all) => all.length === 2,
    );
    await ask(
      registry.superuserUrl,
      'update registry.tenants set last_accessed_at = now() where id = $1',
      [id],
    );
    await ask(
      registry.superuserUrl,
      "update registry.tenants set status = 'suspended' where id = $1",
      [id],
    );
    await eventually(
      () => heard,
      (all) => all.length === 3,
    );
    expect(heard).toEqual(['everything', `tenants:${id}`, `tenants:${id}`]);
  });

  it.each(['cut', 'blackhole'] as const)(
    'knows that it hears nothing (%s), comes back, and has everything looked at again',
    async (happens) => {
      listen();
      await connected(true);
      if (happens === 'cut') proxy.set('refuse');
      else proxy.set('blackhole');
      if (happens === 'cut') proxy.cut();
      await connected(false);
      await insertTenant(); // nobody hears of it
      proxy.set('pass');
      if (happens === 'blackhole') proxy.cut();
      await connected(true);
      expect(heard).toEqual(['everything', 'everything']);
    },
  );

  it.each(['refuse', 'blackhole'] as const)(
    'starts without the registry (%s) and connects when it is there',
    async (mode) => {
      proxy.set(mode);
      listen();
      await eventually(
        () => proxy.attempts(),
        (attempts) => attempts >= 2,
        10_000,
      );
      expect(listener.connected()).toBe(false);
      proxy.set('pass');
      await connected(true);
    },
  );

  it.each(['pass', 'refuse', 'blackhole'] as const)(
    'closes at any time (%s) and is quiet then',
    async (mode) => {
      proxy.set(mode);
      listen();
      await eventually(
        () => proxy.attempts(),
        (attempts) => attempts >= 1,
      );
      await listener.close();
      const attempts = proxy.attempts();
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(proxy.attempts()).toBe(attempts);
      expect(listener.connected()).toBe(false);
    },
  );
});
