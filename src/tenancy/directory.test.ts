import { tenantUnavailable } from '../errors';
import { Breaker } from './breaker';
import { createDirectory } from './directory';
import type { DataSourceRow, TenantRow } from './registry.store';
import { createDataKeys } from './secrets/data-keys';
import type { DataKeyStore } from './secrets/data-keys.store';
import { seal } from './secrets/envelope';
import { parseKeyring } from './secrets/keyring';
import { createLocalKeys } from './secrets/local-keys';
import { createMasterKeys } from './secrets/master-keys';
import { createSecretBox } from './secrets/secret-box';

const keyring = parseKeyring(`k1:${'ab'.repeat(32)}`);
/** The credentials here are sealed by the keyring itself, so that no data key is looked for. */
const secretBox = createSecretBox(
  createDataKeys({} as DataKeyStore, createMasterKeys(createLocalKeys(keyring)), {
    lifetimeMs: 1000,
  }),
  keyring,
);
const SOURCE = '018f0000-0000-7000-8000-00000000000a';
const OTHER_SOURCE = '018f0000-0000-7000-8000-00000000000b';
const TENANT = '018f0000-0000-7000-8000-000000000001';

const sealFor = (id: string, url = 'postgres://app:pw@db.example/crm', ring = keyring): string =>
  seal(url, { rowId: id, column: 'url_sealed' }, ring);

const dataSourceRow = (change: Partial<DataSourceRow> = {}): DataSourceRow => ({
  id: SOURCE,
  name: 'shared',
  placement: 'shared',
  status: 'active',
  region: 'default',
  urlSealed: sealFor(SOURCE),
  migrationUrlSealed: null,
  poolMin: 0,
  poolMax: 10,
  sessionStyle: 'direct',
  namedStatements: true,
  schemaVersion: null,
  updatedAt: new Date(0),
  ...change,
});

const tenantRow = (change: Partial<TenantRow> = {}): TenantRow => ({
  id: TENANT,
  slug: 'alpha',
  name: 'Alpha',
  status: 'active',
  plan: 'standard',
  subscriptionStatus: 'none',
  trialEndsAt: null,
  region: 'default',
  dataSourceId: SOURCE,
  tenantIdInDataSource: TENANT,
  ...change,
});

/** A registry that counts, can be held up and can be down. */
function make() {
  const clock = { now: 0 };
  const registry = {
    tenant: tenantRow() as TenantRow | undefined,
    dataSource: dataSourceRow() as DataSourceRow | undefined,
    down: false,
    loads: 0,
    gate: Promise.resolve(),
  };
  const load = async <T>(read: () => T): Promise<T> => {
    registry.loads += 1;
    const value = read();
    await registry.gate;
    if (registry.down) throw new Error('connect ECONNREFUSED 10.1.2.3:5432');
    return value;
  };
  const directory = createDirectory(
    {
      findTenant: () => load(() => registry.tenant),
      findTenantBySlug: () => load(() => registry.tenant),
      findDataSource: () => load(() => registry.dataSource),
    },
    secretBox,
    {
      ttlMs: () => 1000,
      now: () => clock.now,
      breaker: new Breaker({ threshold: 1, openMs: 100, now: () => clock.now }),
    },
  );
  return { clock, registry, directory };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const reasonOf = (reason: string) =>
  expect.objectContaining({ details: expect.objectContaining({ reason }) });

describe('the directory', () => {
  it('asks the registry once for all who ask at once, and not again while the entry is fresh', async () => {
    const { registry, directory, clock } = make();
    await Promise.all([directory.findTenant(TENANT), directory.findTenant(TENANT)]);
    clock.now = 999;
    await directory.findTenant(TENANT);
    expect(registry.loads).toBe(1);
    clock.now = 1000;
    await directory.findTenant(TENANT);
    expect(registry.loads).toBe(2);
    expect(directory.stats()).toMatchObject({ tenants: 1, hits: 1, misses: 3 });
  });

  it('sees a change at once when it is told of it', async () => {
    const { registry, directory } = make();
    await directory.findTenant(TENANT);
    registry.tenant = tenantRow({ status: 'suspended' });
    expect((await directory.findTenant(TENANT))?.status).toBe('active');
    directory.invalidate('tenants', TENANT);
    expect((await directory.findTenant(TENANT))?.status).toBe('suspended');
  });

  it('never publishes what was read before a change it was told of', async () => {
    const { registry, directory } = make();
    let openGate!: () => void;
    registry.gate = new Promise((resolve) => {
      openGate = resolve;
    });
    const before = directory.findTenant(TENANT);
    await settled();
    registry.tenant = tenantRow({ name: 'Renamed' });
    directory.invalidate('tenants', TENANT);
    openGate();
    expect((await before)?.name).toBe('Alpha');
    expect((await directory.findTenant(TENANT))?.name).toBe('Renamed');
  });

  it('forgets a tenant that is gone', async () => {
    const { registry, directory } = make();
    await directory.findTenant(TENANT);
    registry.tenant = undefined;
    directory.invalidateAll();
    expect(await directory.findTenant(TENANT)).toBeUndefined();
    expect(directory.stats().tenants).toBe(0);
  });

  describe('while the registry is down', () => {
    it('goes on with known tenants, due or expired ones too', async () => {
      const { registry, directory, clock } = make();
      await directory.findTenant(TENANT);
      registry.down = true;
      clock.now = 5000;
      expect((await directory.findTenant(TENANT))?.slug).toBe('alpha');
      directory.invalidateAll();
      expect((await directory.findTenant(TENANT))?.slug).toBe('alpha');
      expect(directory.stats().staleServed).toBe(2);
    });

    it('does not make known tenants wait, and looks for it now and then in the background', async () => {
      const { registry, directory, clock } = make();
      await directory.findTenant(TENANT);
      registry.down = true;
      clock.now = 5000;
      await directory.findTenant(TENANT);
      const { loads } = registry;
      for (let request = 0; request < 10; request += 1) await directory.findTenant(TENANT);
      expect(registry.loads).toBe(loads);

      registry.gate = new Promise(() => undefined); // silent from now on
      clock.now = 5100;
      for (let request = 0; request < 10; request += 1) await directory.findTenant(TENANT);
      expect(registry.loads).toBe(loads + 1);
    });

    it('says so for tenants it does not know, at once after the first', async () => {
      const { registry, directory } = make();
      registry.down = true;
      for (let request = 0; request < 3; request += 1) {
        await expect(directory.findTenant(TENANT)).rejects.toEqual(
          reasonOf('REGISTRY_UNREACHABLE'),
        );
      }
      expect(registry.loads).toBe(1);
    });

    it('sees what changed once the registry is back', async () => {
      const { registry, directory, clock } = make();
      await directory.findTenant(TENANT);
      registry.down = true;
      clock.now = 5000;
      await directory.findTenant(TENANT);
      registry.down = false;
      registry.tenant = tenantRow({ status: 'suspended' });
      clock.now = 5100;
      await directory.findTenant(TENANT); // probes in the background
      await settled();
      expect((await directory.findTenant(TENANT))?.status).toBe('suspended');
    });

    it('does not serve what it has known for longer than a day', async () => {
      const { registry, directory, clock } = make();
      await directory.findTenant(TENANT);
      registry.down = true;
      clock.now = 25 * 60 * 60 * 1000;
      await expect(directory.findTenant(TENANT)).rejects.toEqual(reasonOf('REGISTRY_UNREACHABLE'));
    });
  });

  describe('of data sources', () => {
    it('opens the credentials once for each look at the row', async () => {
      const { directory } = make();
      const first = await directory.getDataSource(tenantRow());
      expect(first.connection).toMatchObject({ host: 'db.example', password: 'pw' });
      expect(await directory.getDataSource(tenantRow())).toBe(first);
      directory.invalidate('data_sources', SOURCE);
      const second = await directory.getDataSource(tenantRow());
      expect(second.revision).toBeGreaterThan(first.revision);
      expect(directory.stats().unseals).toBe(2);
    });

    it('names a tenant without one', async () => {
      const { directory, registry } = make();
      const none = directory.getDataSource(tenantRow({ dataSourceId: null }));
      await expect(none).rejects.toEqual(tenantUnavailable('NO_DATA_SOURCE'));
      registry.dataSource = undefined;
      await expect(directory.getDataSource(tenantRow())).rejects.toEqual(
        reasonOf('NO_DATA_SOURCE'),
      );
    });

    it.each([
      ['moved from another row', () => sealFor(OTHER_SOURCE)],
      [
        'sealed with an unknown key',
        () => sealFor(SOURCE, undefined, parseKeyring(`k9:${'cd'.repeat(32)}`)),
      ],
      ['changed', () => `${sealFor(SOURCE).slice(0, -2)}AA`],
      [
        'holding a URL that we do not take',
        () => sealFor(SOURCE, 'postgres://a:b@db.example/crm?host=evil'),
      ],
    ])('names a bad key for credentials %s, even when it knew good ones', async (_what, sealed) => {
      const { directory, registry } = make();
      await directory.getDataSource(tenantRow());
      registry.dataSource = dataSourceRow({ urlSealed: sealed() });
      directory.invalidate('data_sources', SOURCE);
      await expect(directory.getDataSource(tenantRow())).rejects.toEqual(reasonOf('BAD_KEY'));
    });

    it('does not take a bad key for a registry that is down', async () => {
      const { directory, registry } = make();
      registry.dataSource = dataSourceRow({ urlSealed: sealFor(OTHER_SOURCE) });
      await expect(directory.getDataSource(tenantRow())).rejects.toEqual(reasonOf('BAD_KEY'));
      expect(await directory.findTenant(TENANT)).toBeDefined();
    });
  });
});
