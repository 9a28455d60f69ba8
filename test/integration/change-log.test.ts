/** The change log: what triggers write of each change, and in which order it may be followed. */
import { Client } from 'pg';
import { readChanges, readRecordHistory, type Change } from '../../src/tenancy/change-log.store';
import { pruneChangeLog } from '../../src/tenancy/prune-change-log';
import { parseTypeId } from '../../src/lib/type-id';
import { eventually } from '../support/data-sources';
import { createWorld, type TenantName, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const sessionOf = async (tenant: TenantName) => {
  const { tenancy } = world.application;
  const row = await tenancy.registry.findTenant(world.tenants[tenant].id);
  if (row === undefined) throw new Error(`There is no tenant ${tenant}.`);
  return tenancy.openSession(row);
};

const readNow = async (tenant: TenantName, after?: string): Promise<Change[]> =>
  readChanges(await sessionOf(tenant), after, 10_000);

/** Once nothing is held back any more: transactions of other tests on the same server count, too. */
async function changesOf(tenant: TenantName, after?: string): Promise<Change[]> {
  const { database, localTenantId } = world.tenants[tenant];
  await eventually(
    () =>
      world.sql(
        database,
        'select from cloister.change_log where tenant_id = $1 and xid >= pg_snapshot_xmin(pg_current_snapshot()) limit 1',
        [localTenantId],
      ),
    (heldBack) => heldBack.length === 0,
  );
  return readNow(tenant, after);
}

const lastPosition = async (tenant: TenantName): Promise<string | undefined> =>
  (await changesOf(tenant)).at(-1)?.position;

async function mutate<T>(tenant: TenantName, mutation: string, variables: object): Promise<T> {
  const answer = await world.query<T>({ tenant }, mutation, variables as Record<string, unknown>);
  if (answer.errors.length > 0) throw new Error(answer.text);
  return answer.data;
}

interface Account {
  readonly id: string;
  readonly version: number;
}
const createAccount = async (tenant: TenantName, input: object): Promise<Account> => {
  const { createAccount: payload } = await mutate<{ createAccount: { account: Account } }>(
    tenant,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id version } } }',
    { input },
  );
  return payload.account;
};
const uuidOf = (id: string): string => parseTypeId('account', id) ?? '';

/** A connection as the run-time role, which has stated its tenant. */
async function writer(tenant: TenantName): Promise<Client> {
  const { database, localTenantId } = world.tenants[tenant];
  const client = new Client({ connectionString: database.appUrl });
  await client.connect();
  await client.query("select set_config('app.tenant_id', $1, false)", [localTenantId]);
  return client;
}
const insertAccount = (client: Client, tenant: TenantName, name: string): Promise<unknown> =>
  client.query(
    'insert into cloister.accounts (tenant_id, id, name) values ($1, gen_random_uuid(), $2)',
    [world.tenants[tenant].localTenantId, name],
  );
const namesOf = (changes: readonly Change[]): unknown[] =>
  changes.filter(({ table }) => table === 'accounts').map(({ after }) => after?.['name']);

describe('what is written down', () => {
  it('names the record, what changed from what to what, who did it and in which request', async () => {
    const { id, version } = await createAccount('alpha', { name: 'Ebb', industry: 'tides' });
    await mutate(
      'alpha',
      'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { account { id } } }',
      {
        input: { id, version, name: 'Flow' },
      },
    );
    const history = await readRecordHistory(await sessionOf('alpha'), {
      table: 'accounts',
      recordId: uuidOf(id),
      limit: 10,
    });
    expect(history.map(({ operation, before, after }) => ({ operation, before, after }))).toEqual([
      { operation: 'update', before: { name: 'Ebb' }, after: { name: 'Flow' } },
      { operation: 'insert', before: null, after: { name: 'Ebb', industry: 'tides' } },
    ]);
    for (const { actorId, requestId } of history) {
      expect(actorId).toBe(world.tenants.alpha.users.admin);
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(new Set(history.map(({ requestId }) => requestId)).size).toBe(2);
  });

  it('has one entry for each record of a write of many, and of a purge the record as it was', async () => {
    const before = await lastPosition('alpha');
    await mutate(
      'alpha',
      'mutation ($input: CreateAccountsInput!) { createAccounts(input: $input) { accounts { id } } }',
      {
        input: { accounts: [{ name: 'One' }, { name: 'Two' }, { name: 'Three' }] },
      },
    );
    expect(namesOf(await changesOf('alpha', before)).sort()).toEqual(['One', 'Three', 'Two']);
    const { id } = await createAccount('alpha', { name: 'Passing' });
    await mutate(
      'alpha',
      'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { account { id } } }',
      { input: { id } },
    );
    await mutate(
      'alpha',
      'mutation ($input: PurgeAccountInput!) { purgeAccount(input: $input) { purgedAccountId } }',
      { input: { id } },
    );
    const last = (await changesOf('alpha', before)).at(-1);
    expect(last).toMatchObject({ operation: 'delete', recordId: uuidOf(id), after: null });
    expect(last?.before).toMatchObject({ name: 'Passing' });
  });

  it('keeps no secret, and only that a row was touched where nothing else changed', async () => {
    const { database, users, localTenantId } = world.tenants.alpha;
    const before = await lastPosition('alpha');
    await world.sql(
      database,
      "update cloister.users set password_hash = 'canary-of-a-hash', version = version + 1 where tenant_id = $1 and id = $2",
      [localTenantId, users.reader],
    );
    const changes = await changesOf('alpha', before);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ operation: 'touch', before: null, after: null });
    const everything = await world.sql(database, 'select l::text from cloister.change_log l');
    expect(JSON.stringify(everything)).not.toMatch(/argon2|canary-of-a-hash/);
  });

  it('leaves out every column of a hash or a sealed value, in every table', async () => {
    const faults = await world.sql(
      world.tenants.alpha.database,
      `select t.tgrelid::regclass::text || '.' || a.attname as column
       from pg_trigger t join pg_attribute a on a.attrelid = t.tgrelid and a.attnum > 0 and not a.attisdropped
       where t.tgname = 'change_log_update' and t.tgnargs > 0 and a.attname ~ '(_hash|_sealed)$'
         and position(convert_to(a.attname, 'UTF8') || '\\x00'::bytea in t.tgargs) = 0`,
    );
    expect(faults).toEqual([]);
  });

  it('has nothing of a transaction that was rolled back', async () => {
    const before = await lastPosition('alpha');
    const client = await writer('alpha');
    try {
      await client.query('begin');
      await insertAccount(client, 'alpha', 'Never was');
      await client.query('rollback');
    } finally {
      await client.end();
    }
    expect(await changesOf('alpha', before)).toEqual([]);
  });

  it('is the tenant’s own, though both tenants share tables', async () => {
    const [alpha, beta] = [await lastPosition('alpha'), await lastPosition('beta')];
    await createAccount('alpha', { name: 'Of alpha' });
    await createAccount('beta', { name: 'Of beta' });
    expect(namesOf(await changesOf('alpha', alpha))).toEqual(['Of alpha']);
    expect(namesOf(await changesOf('beta', beta))).toEqual(['Of beta']);
  });

  it('can be changed by nobody, not even by the table’s owner', async () => {
    const { database, localTenantId } = world.tenants.alpha;
    for (const connectionString of [database.appUrl, database.ownerUrl]) {
      const client = new Client({ connectionString });
      await client.connect();
      try {
        await client.query("select set_config('app.tenant_id', $1, false)", [localTenantId]);
        await expect(
          client.query('update cloister.change_log set actor_id = null'),
        ).rejects.toThrow(/written by triggers/);
        await expect(client.query('delete from cloister.change_log')).rejects.toThrow(
          /shortened by age alone/,
        );
      } finally {
        await client.end();
      }
    }
  });
});

describe('following', () => {
  it('does not skip what began earlier and was committed later', async () => {
    const start = await lastPosition('alpha');
    const [slow, quick] = [await writer('alpha'), await writer('alpha')];
    try {
      await slow.query('begin');
      await insertAccount(slow, 'alpha', 'Slow');
      await insertAccount(quick, 'alpha', 'Quick');
      // Committed, and yet held back: what the slow one writes stands before it.
      expect(await readNow('alpha', start)).toEqual([]);
      await slow.query('commit');
      expect(namesOf(await changesOf('alpha', start))).toEqual(['Slow', 'Quick']);
    } finally {
      await slow.end();
      await quick.end();
    }
  });

  it('meets every change exactly once while many write at once', async () => {
    const start = await lastPosition('beta');
    const WRITERS = 6;
    const EACH = 40;
    let writing = true;
    const followed: Change[] = [];
    const session = await sessionOf('beta');
    const followNow = async (): Promise<void> => {
      for (;;) {
        const changes = await readChanges(session, followed.at(-1)?.position ?? start, 7);
        followed.push(...changes);
        if (changes.length === 0) return;
      }
    };
    const follow = async (): Promise<void> => {
      while (writing) await followNow();
      await followNow();
    };
    const write = async (number: number): Promise<void> => {
      const client = await writer('beta');
      try {
        for (let i = 0; i < EACH; i += 1) {
          await client.query('begin');
          await insertAccount(client, 'beta', `${number}/${i}`);
          await client.query('select pg_sleep(random() * 0.003)');
          await client.query(i % 5 === 4 ? 'rollback' : 'commit');
        }
      } finally {
        await client.end();
      }
    };
    const following = follow();
    await Promise.all(Array.from({ length: WRITERS }, (_, number) => write(number)));
    writing = false;
    await following;
    await changesOf('beta');
    await followNow();
    const expected = Array.from({ length: WRITERS * EACH }, (_, index) => index)
      .filter((index) => index % 5 !== 4)
      .map((index) => `${Math.floor(index / EACH)}/${index % EACH}`);
    expect(namesOf(followed).sort()).toEqual(expected.sort());
  });

  it('refuses a position that it did not give', async () => {
    const session = await sessionOf('alpha');
    await expect(readChanges(session, '1; drop table', 10)).rejects.toThrow(/Expected a position/);
  });
});

describe('age', () => {
  it('removes what is old, in batches, of every tenant, and nothing else', async () => {
    const { database, localTenantId } = world.tenants.gamma;
    for (const name of ['a', 'b', 'c']) await createAccount('gamma', { name });
    await world.sql(
      database,
      `set session_replication_role = replica; update cloister.change_log set at = now() - interval '100 days';`,
    );
    await createAccount('gamma', { name: 'Young' });
    const { removed, failed } = await pruneChangeLog(world.application.tenancy, { rowsAtOnce: 2 });
    expect(failed).toEqual([]);
    expect(removed).toBeGreaterThanOrEqual(3);
    const left = await world.sql<{ after: { name: string } }>(
      database,
      'select after from cloister.change_log where tenant_id = $1',
      [localTenantId],
    );
    expect(left.map(({ after }) => after.name)).toEqual(['Young']);
  });

  it('refuses to keep less than a way back after a move needs', async () => {
    await expect(pruneChangeLog(world.application.tenancy, { keepMs: 1000 })).rejects.toThrow(
      /at least 8 days/,
    );
  });
});
