/**
 * A data source that would not keep its tenants apart serves nobody: its tenants hear why, those of
 * others go on.
 */
import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { enrolDataSource } from '../../src/tenancy/provision';
import { createWorld, type Answer, type World } from '../support/world';

const ACCOUNTS = '{ accounts(first: 1) { totalCount } }';

describe('a data source', () => {
  let world: World;
  const stranger = `cloister_test_${randomBytes(6).toString('hex')}`;
  beforeAll(async () => {
    world = await createWorld();
    expect((await ask()).errors).toEqual([]);
  });
  afterAll(() => world.close());

  const gamma = () => world.tenants.gamma;
  const ask = (): Promise<Answer> => world.query({ tenant: 'gamma' }, ACCOUNTS);
  const asSuperuser = (text: string): Promise<unknown> => world.sql(gamma().database, text);

  /** Points the dedicated data source at a role and drops its pool, as a change of its row would. */
  async function connectAs(url: string): Promise<void> {
    const { tenancy } = world.application;
    const id = await enrolDataSource(tenancy, { name: 'dedicated', placement: 'dedicated', url });
    tenancy.directory.invalidate('data_sources', id);
    await tenancy.pools.evict(id);
  }
  const reconnect = (): Promise<void> => connectAs(gamma().database.appUrl);

  const expectRefused = async (reason: string): Promise<void> => {
    const answer = await ask();
    expect(answer.status).toBe(503);
    expect(answer.errors.map(({ extensions }) => [extensions.code, extensions['reason']])).toEqual([
      ['TENANT_UNAVAILABLE', reason],
    ]);
    expect(answer.data).toEqual({});
    expect(answer.text).not.toMatch(/cloister_|postgres|dedicated|products/);
    for (const tenant of ['alpha', 'delta'] as const) {
      expect((await world.query({ tenant }, ACCOUNTS)).errors).toEqual([]);
    }
  };
  const expectServed = async (): Promise<void> => expect((await ask()).errors).toEqual([]);

  describe('whose role could step around row-level security is refused: a role that', () => {
    afterEach(async () => {
      await reconnect();
      await expectServed();
    });

    it('owns the tables', async () => {
      await connectAs(gamma().database.ownerUrl);
      await expectRefused('UNSAFE_ROLE');
    });

    it('is a superuser', async () => {
      await connectAs(gamma().database.superuserUrl);
      await expectRefused('UNSAFE_ROLE');
    });

    it.each([
      ['has BYPASSRLS', 'bypassrls', ''],
      ['is a member of the owner', '', 'owner'],
    ])('%s', async (_why, attribute, memberOf) => {
      const url = new URL(gamma().database.appUrl);
      const app = url.username;
      const owner = new URL(gamma().database.ownerUrl).username;
      await asSuperuser(
        `create role ${stranger} login ${attribute} password 'stranger' in role ${memberOf === 'owner' ? owner : app}`,
      );
      try {
        await asSuperuser(`grant connect on database ${gamma().database.name} to ${stranger}`);
        url.username = stranger;
        url.password = 'stranger';
        await connectAs(url.toString());
        await expectRefused('UNSAFE_ROLE');
      } finally {
        await reconnect();
        await asSuperuser(`drop owned by ${stranger}`);
        await asSuperuser(`drop role ${stranger}`);
      }
    });
  });

  describe('with a table that is not guarded is refused: one whose table', () => {
    const policy = "nullif(current_setting('app.tenant_id', true), '')::uuid";
    it.each([
      [
        'does not enable row-level security',
        'alter table cloister.products disable row level security',
        'alter table cloister.products enable row level security',
      ],
      [
        'does not force it',
        'alter table cloister.products no force row level security',
        'alter table cloister.products force row level security',
      ],
      [
        'has no policy',
        'drop policy tenant_isolation on cloister.products',
        `create policy tenant_isolation on cloister.products using (tenant_id = ${policy}) with check (tenant_id = ${policy})`,
      ],
      [
        'has a policy more, which lets everything through',
        'create policy open on cloister.products using (true)',
        'drop policy open on cloister.products',
      ],
      [
        'is new and has been forgotten',
        'create table cloister.forgotten (tenant_id uuid, id uuid)',
        'drop table cloister.forgotten',
      ],
    ])('%s', async (_why, harm, mend) => {
      await asSuperuser(harm);
      try {
        await reconnect();
        await expectRefused('UNGUARDED_TABLES');
      } finally {
        await asSuperuser(mend);
        await reconnect();
      }
      await expectServed();
    });
  });

  it('that does not know the tenant by the id in the registry is named a mismatch, not an empty tenant', async () => {
    const { registry, directory } = world.application.tenancy;
    const point = async (tenantIdInDataSource: string): Promise<void> => {
      await registry.updateTenant(gamma().id, { tenantIdInDataSource });
      directory.invalidate('tenants', gamma().id);
    };
    await point(uuidv7());
    await expectRefused('TENANT_ID_MISMATCH');
    await point(gamma().localTenantId);
    await expectServed();
  });
});
