/** Mutations with an `Idempotency-Key`: what is sent again is answered again, and never done again. */
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { MAX_ANSWER_BYTES } from '../../src/request/idempotency/idempotency-key';
import { moveTenant } from '../../src/tenancy/move/move-tenant';
import { enrolDataSource, migrateDataSource } from '../../src/tenancy/provision';
import { pruneIdempotencyKeys } from '../../src/request/idempotency/prune-idempotency-keys';
import { cliEnvironment } from '../support/cli';
import { eventually } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { startServerProcess } from '../support/processes';
import {
  createWorld,
  PASSWORD,
  testTenantTemplate,
  type TenantName,
  type World,
} from '../support/world';

const CREATE =
  'mutation ($name: String!) { createAccount(input: { name: $name }) { account { id name createdAt } userErrors { field message code } } }';

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly codes: readonly string[];
  readonly reason: unknown;
  readonly replayed: string | null;
  readonly retryAfter: string | null;
}

let world: World;
let target: TestDatabase | undefined;
const tokens = new Map<string, string>();

async function tokenOf(tenant: TenantName, role: string): Promise<string> {
  const who = `${role}@${tenant}.test`;
  const known = tokens.get(who);
  if (known !== undefined) return known;
  const { data } = await world.query<{ login: { accessToken: string } }>(
    undefined,
    'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
    { input: { email: who, password: PASSWORD } },
  );
  tokens.set(who, data.login.accessToken);
  return data.login.accessToken;
}

interface Sent {
  readonly key?: string;
  readonly query?: string;
  readonly variables?: object;
  readonly tenant?: TenantName;
  readonly role?: string;
  readonly url?: string;
  readonly signal?: AbortSignal;
}

async function send({
  key,
  query = CREATE,
  variables = {},
  tenant = 'alpha',
  role = 'admin',
  url = world.url,
  signal,
}: Sent): Promise<Reply> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${await tokenOf(tenant, role)}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify({ query, variables }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const { errors = [] } = JSON.parse(text) as {
    errors?: { extensions: { code: string; reason?: unknown } }[];
  };
  return {
    status: response.status,
    text,
    codes: errors.map(({ extensions }) => extensions.code),
    reason: errors[0]?.extensions.reason,
    replayed: response.headers.get('idempotent-replayed'),
    retryAfter: response.headers.get('retry-after'),
  };
}

const accounts = async (name: string, tenant: TenantName = 'alpha'): Promise<number> =>
  (
    await world.sql(
      world.tenants[tenant].database,
      'select 1 from cloister.accounts where name = $1 and tenant_id = $2',
      [name, world.tenants[tenant].localTenantId],
    )
  ).length;

const keysSql = (text: string, values: unknown[] = [], tenant: TenantName = 'alpha') =>
  world.sql(world.tenants[tenant].database, text, values);

const locked = () =>
  keysSql(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );

beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world.close();
  await target?.drop();
});

describe('a mutation with an idempotency key', () => {
  it('is done once, and answered with the same bytes each time', async () => {
    const sent = { key: randomUUID(), variables: { name: 'once' } };
    const first = await send(sent);
    expect(first).toMatchObject({ status: 200, codes: [], replayed: null });
    world.forgetStatements();
    const second = await send(sent);
    expect(second).toMatchObject({ status: 200, replayed: 'true' });
    expect(second.text).toBe(first.text);
    expect(world.statements.filter(({ text }) => text.includes('cloister.accounts'))).toEqual([]);
    expect(await accounts('once')).toBe(1);
  });

  it('is done once however many are sent at the same time', async () => {
    const sent = { key: randomUUID(), variables: { name: 'crowd' } };
    const replies = await Promise.all(Array.from({ length: 8 }, () => send(sent)));
    expect(await accounts('crowd')).toBe(1);
    const executed = replies.filter(({ status, replayed }) => status === 200 && replayed === null);
    expect(executed).toHaveLength(1);
    for (const reply of replies) {
      if (reply.status === 200) expect(reply.text).toBe(executed[0]?.text);
      else {
        expect(reply).toMatchObject({
          status: 409,
          codes: ['CONFLICT'],
          reason: 'IDEMPOTENCY_KEY_IN_FLIGHT',
          retryAfter: '1',
        });
      }
    }
    expect(await send(sent)).toMatchObject({ text: executed[0]?.text, replayed: 'true' });
  });

  it('is refused with 409 while the first is under way, and with its answer afterwards', async () => {
    const { database } = world.tenants.alpha;
    const locker = new Client({ connectionString: database.superuserUrl });
    await locker.connect();
    const sent = { key: randomUUID(), variables: { name: 'slow' } };
    try {
      await locker.query('begin; lock table cloister.accounts in access exclusive mode');
      const first = send(sent);
      await eventually(
        () => keysSql('select 1 from cloister.idempotency_keys where finished_at is null'),
        ({ length }) => length === 1,
      );
      expect(await send(sent)).toMatchObject({ status: 409, codes: ['CONFLICT'], retryAfter: '1' });
      await locker.query('rollback');
      const { text } = await first;
      expect(await send(sent)).toMatchObject({ status: 200, text, replayed: 'true' });
    } finally {
      await locker.end();
    }
    expect(await accounts('slow')).toBe(1);
  });

  it('is refused with 422 when the key was another request’s', async () => {
    const key = randomUUID();
    await send({ key, variables: { name: 'mine' } });
    const others: Sent[] = [
      { variables: { name: 'other' } },
      { variables: { name: 'mine' }, query: `${CREATE} ` },
    ];
    for (const other of others) {
      expect(await send({ key, ...other })).toMatchObject({
        status: 422,
        codes: ['IDEMPOTENCY_MISMATCH'],
        replayed: null,
      });
    }
    expect(await accounts('other')).toBe(0);
    expect(await accounts('mine')).toBe(1);
  });

  it('is the same request whatever the order of its variables’ fields', async () => {
    const query =
      'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id } } }';
    const key = randomUUID();
    const first = await send({
      key,
      query,
      variables: { input: { name: 'order', website: 'https://order.test' } },
    });
    const second = await send({
      key,
      query,
      variables: { input: { website: 'https://order.test', name: 'order' } },
    });
    expect(second).toMatchObject({ text: first.text, replayed: 'true' });
  });

  it('gives the same mistakes of the user again', async () => {
    const sent = { key: randomUUID(), variables: { name: '' } };
    const first = await send(sent);
    expect(first.text).toContain('"code":"INVALID"');
    expect(await send(sent)).toMatchObject({ status: 200, text: first.text, replayed: 'true' });
  });

  it('belongs to one user of one tenant', async () => {
    const sent = { key: randomUUID(), variables: { name: 'shared key' } };
    const texts = new Set<string>();
    for (const who of [
      { tenant: 'alpha', role: 'admin' },
      { tenant: 'alpha', role: 'member' },
      { tenant: 'beta', role: 'admin' },
    ] as const) {
      const { status, replayed, text } = await send({ ...sent, ...who });
      expect({ status, replayed }).toEqual({ status: 200, replayed: null });
      texts.add(text);
    }
    expect(texts.size).toBe(3);
    expect(await accounts('shared key', 'alpha')).toBe(2);
    expect(await accounts('shared key', 'beta')).toBe(1);
  });

  it('leaves its key free when it was not carried out', async () => {
    const key = randomUUID();
    // Invalid, of a role that may not, with variables that do not fit: then right.
    expect((await send({ key, query: 'mutation { nothing }' })).status).toBe(400);
    expect((await send({ key, variables: { name: 1 } })).status).toBe(400);
    await keysSql('alter table cloister.accounts rename to elsewhere');
    const broken = await send({
      key,
      query:
        'mutation ($name: String!) { deleteAccount(input: { id: "x" }) { userErrors { code } } createAccount(input: { name: $name }) { account { name } } }',
      variables: { name: 'later' },
    }).finally(() => keysSql('alter table cloister.elsewhere rename to accounts'));
    expect(broken.codes).toEqual(['TENANT_UNAVAILABLE']);
    expect(await send({ key, variables: { name: 'later' } })).toMatchObject({
      status: 200,
      codes: [],
      replayed: null,
    });
    expect(await accounts('later')).toBe(1);
  });

  it('leaves its key free when its client hangs up before the commit', async () => {
    const sent = { key: randomUUID(), variables: { name: 'hung up' } };
    const locker = new Client({ connectionString: world.tenants.alpha.database.superuserUrl });
    await locker.connect();
    try {
      await locker.query('begin; lock table cloister.accounts in access exclusive mode');
      const client = new AbortController();
      const lost = send({ ...sent, signal: client.signal }).catch(() => 'gone');
      const held = () =>
        keysSql('select 1 from cloister.idempotency_keys where finished_at is null');
      await eventually(locked, ({ length }) => length === 1);
      client.abort();
      expect(await lost).toBe('gone');
      await eventually(held, ({ length }) => length === 0);
    } finally {
      await locker.end();
    }
    expect(await accounts('hung up')).toBe(0);
    expect(await send(sent)).toMatchObject({ status: 200, codes: [], replayed: null });
  });

  it('leaves its key free when its user may not do it', async () => {
    const key = randomUUID();
    const refused = { key, role: 'reader', variables: { name: 'forbidden' } };
    expect((await send(refused)).codes).toEqual(['FORBIDDEN']);
    expect(await send(refused)).toMatchObject({ codes: ['FORBIDDEN'], replayed: null });
  });

  it('keeps what was done of it in part, with what failed', async () => {
    const sent = {
      key: randomUUID(),
      role: 'member',
      query:
        'mutation { createAccount(input: { name: "part" }) { account { id } } purgeAccount(input: { id: "x" }) { userErrors { code } } }',
    };
    const first = await send(sent);
    expect(first.codes).toEqual(['FORBIDDEN']);
    expect(await send(sent)).toMatchObject({ text: first.text, status: 200, replayed: 'true' });
    expect(await accounts('part')).toBe(1);
  });

  it('is refused when the key is malformed, and nothing is done', async () => {
    for (const key of ['with space', 'x'.repeat(256), 'ü']) {
      expect(await send({ key, variables: { name: 'malformed' } })).toMatchObject({
        status: 400,
        codes: ['BAD_REQUEST'],
      });
    }
    expect(await accounts('malformed')).toBe(0);
  });

  it('is refused where its effects are not those of a transaction alone, and nothing is done', async () => {
    for (const query of [
      'mutation { addHostname(input: { hostname: "crm.key.test" }) { userErrors { code } } }',
      'mutation { ...F } fragment F on Mutation { ... on Mutation { revokeOtherSessions { userErrors { code } } } }',
    ]) {
      const reply = await send({ key: randomUUID(), query });
      expect(reply).toMatchObject({ status: 400, reason: 'IDEMPOTENCY_KEY_NOT_TAKEN' });
    }
  });

  it('is not known to queries, which are read anew', async () => {
    const key = randomUUID();
    for (const query of ['{ accounts(first: 1) { totalCount } }', '{ viewer { __typename } }']) {
      expect(await send({ key, query })).toMatchObject({ status: 200, replayed: null });
    }
  });

  it('is answered honestly when its answer was too large to be kept', async () => {
    const text = 'x'.repeat(700);
    const sent = {
      key: randomUUID(),
      query: `mutation ($accounts: [CreateAccountInput!]!) { createAccounts(input: { accounts: $accounts }) { accounts { ${Array.from({ length: 10 }, (_, n) => `d${n}: description`).join(' ')} } userErrors { message } } }`,
      variables: {
        accounts: Array.from({ length: 50 }, (_, n) => ({
          name: `large ${n}`,
          description: text,
        })),
      },
    };
    const first = await send(sent);
    expect(first.status).toBe(200);
    expect(first.text.length).toBeGreaterThan(MAX_ANSWER_BYTES);
    expect(await send(sent)).toMatchObject({
      status: 409,
      codes: ['CONFLICT'],
      reason: 'IDEMPOTENCY_ANSWER_TOO_LARGE',
    });
    expect(await accounts('large 0')).toBe(1);
  });

  it('costs nothing where there is none', async () => {
    await send({ variables: { name: 'warm' } });
    world.forgetStatements();
    await send({ variables: { name: 'without' } });
    expect(world.statements.filter(({ text }) => text.includes('idempotency'))).toEqual([]);
    const without = world.statements.length;
    world.forgetStatements();
    await send({ key: randomUUID(), variables: { name: 'with' } });
    // Claimed, counted, answered.
    expect(world.statements.length - without).toBe(3);
  });

  it('holds no secret of its request, and is forgotten when a person is erased', async () => {
    const key = randomUUID();
    const query =
      'mutation { createContact(input: { lastName: "Forgettable" }) { contact { id lastName } } }';
    const { text } = await send({ key, query });
    const { data } = JSON.parse(text) as { data: { createContact: { contact: { id: string } } } };
    const { id } = data.createContact.contact;
    const kept = `select k::text, encode(key_hash, 'escape') as key, encode(request_hash, 'escape') as request
      from cloister.idempotency_keys k`;
    const before = JSON.stringify(await keysSql(kept));
    expect(before).toContain('Forgettable');
    expect(before).not.toContain(key.slice(0, 20));
    const erase = 'mutation ($id: ID!) { eraseContact(input: { id: $id }) { erasedContactId } }';
    await send({ key: randomUUID(), query: erase, variables: { id } });
    expect(JSON.stringify(await keysSql(kept))).not.toContain('Forgettable');
    expect(await send({ key, query })).toMatchObject({
      status: 409,
      reason: 'IDEMPOTENCY_ANSWER_LOST',
    });
  });

  it('is free again after a day, and its row goes', async () => {
    const sent = { key: randomUUID(), variables: { name: 'expiring' } };
    await send(sent);
    const expire = `update cloister.idempotency_keys set expires_at = now() - interval '1 s'`;
    await keysSql(expire);
    expect(await send(sent)).toMatchObject({ status: 200, replayed: null });
    expect(await accounts('expiring')).toBe(2);
    await keysSql(expire);
    await send({ key: randomUUID(), variables: { name: 'not expired' } });
    const { removed, failed } = await pruneIdempotencyKeys(world.application.tenancy, {
      rowsAtOnce: 3,
    });
    expect(failed).toEqual([]);
    expect(removed).toBeGreaterThan(3);
    expect(await keysSql('select 1 from cloister.idempotency_keys')).toHaveLength(1);
  });
});

describe('a process that dies in a mutation with an idempotency key', () => {
  const endLeases = () =>
    keysSql(`update cloister.idempotency_keys set lease_until = now() - interval '1 s'`);

  /** Kills a server where a request waits for a lock. */
  async function killedAt(sent: Sent, lock: string): Promise<void> {
    const victim = await startServerProcess({
      ...cliEnvironment(world.registry),
      JOBS_CONCURRENCY: '0',
    });
    const locker = new Client({ connectionString: world.tenants.alpha.database.superuserUrl });
    await locker.connect();
    try {
      expect((await send({ url: victim.url, variables: { name: 'warm' } })).status).toBe(200);
      await locker.query(`begin; ${lock}`);
      const lost = send({ ...sent, url: victim.url }).catch(() => 'gone');
      await eventually(locked, ({ length }) => length === 1);
      await victim.kill();
      expect(await lost).toBe('gone');
    } finally {
      await locker.end();
      await victim.kill();
    }
    await eventually(locked, ({ length }) => length === 0);
  }

  it('before it commits, has done nothing: a repetition does it once the claim has lapsed', async () => {
    const sent = { key: randomUUID(), variables: { name: 'undone' } };
    await killedAt(sent, 'lock table cloister.accounts in access exclusive mode');
    expect(await accounts('undone')).toBe(0);
    expect(await send(sent)).toMatchObject({ status: 409, reason: 'IDEMPOTENCY_KEY_IN_FLIGHT' });
    await endLeases();
    expect((await send({ ...sent, variables: { name: 'another' } })).status).toBe(422);
    const replies = await Promise.all([send(sent), send(sent), send(sent)]);
    expect(
      replies.filter(({ replayed, status }) => status === 200 && replayed === null),
    ).toHaveLength(1);
    expect(await accounts('undone')).toBe(1);
  });

  it.each([
    ['before its answer is kept', 'idempotency_keys', 'update', 'new.finished_at is not null', 2],
    ['in the next of its fields', 'products', 'insert', 'true', 1],
  ] as const)(
    'after a commit, %s, has lost its answer: a repetition says so, and does nothing',
    async (_when, table, event, condition, commits) => {
      const name = `done ${table}`;
      const sent = {
        key: randomUUID(),
        variables: { name },
        query:
          'mutation ($name: String!) { createAccount(input: { name: $name }) { account { id } } createProduct(input: { name: $name }) { product { id } } }',
      };
      await keysSql(`create function public.stall() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock(4711); return new; end'`);
      await keysSql(`create trigger stall before ${event} on cloister.${table}
        for each row when (${condition}) execute function public.stall()`);
      await killedAt(sent, 'select pg_advisory_xact_lock(4711)').finally(() =>
        keysSql('drop function public.stall() cascade'),
      );
      expect(await accounts(name)).toBe(1);
      expect(await send(sent)).toMatchObject({ status: 409, reason: 'IDEMPOTENCY_KEY_IN_FLIGHT' });
      await endLeases();
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const reply = await send(sent);
        expect(reply).toMatchObject({
          status: 409,
          codes: ['CONFLICT'],
          reason: 'IDEMPOTENCY_ANSWER_LOST',
          retryAfter: null,
        });
        expect(reply.text).toContain(`"commits":${commits}`);
        expect(reply.text).toContain('send what is missing with a new key');
      }
      expect(await accounts(name)).toBe(1);
    },
  );

  it('or was only slow, commits nothing once a repetition has its key', async () => {
    const sent = { key: randomUUID(), variables: { name: 'fenced' } };
    const locker = new Client({ connectionString: world.tenants.alpha.database.superuserUrl });
    await locker.connect();
    try {
      await locker.query('begin; lock table cloister.accounts in access exclusive mode');
      const slow = send(sent);
      await eventually(locked, ({ length }) => length === 1);
      await endLeases();
      const repetition = send(sent);
      await eventually(locked, ({ length }) => length === 2);
      await locker.query('rollback');
      const replies = await Promise.all([slow, repetition]);
      expect(replies[0]).toMatchObject({ status: 409, reason: 'IDEMPOTENCY_KEY_TAKEN_OVER' });
      expect(replies[1]).toMatchObject({ status: 200, codes: [] });
      expect(await send(sent)).toMatchObject({ text: replies[1].text, replayed: 'true' });
    } finally {
      await locker.end();
    }
    expect(await accounts('fenced')).toBe(1);
  });
});

it('a key goes with its tenant to another data source', async () => {
  const { tenancy } = world.application;
  target = await cloneDatabase(await testTenantTemplate());
  const sent = { tenant: 'gamma', key: randomUUID(), variables: { name: 'moved' } } as const;
  const { text } = await send(sent);
  const spec = { name: 'target', placement: 'dedicated', url: target.appUrl } as const;
  const id = await enrolDataSource(tenancy, { ...spec, migrationUrl: target.ownerUrl });
  const row = await tenancy.registry.findDataSource(id);
  if (row !== undefined) await migrateDataSource(tenancy, row);
  await moveTenant(tenancy, {
    tenantId: world.tenants.gamma.id,
    targetDataSourceId: id,
    actor: 'test',
  });
  expect(await send(sent)).toMatchObject({ status: 200, text, replayed: 'true' });
  const fresh = { ...sent, key: randomUUID() };
  const made = await send(fresh);
  expect(await send(fresh)).toMatchObject({ text: made.text, replayed: 'true' });
  const rows = await world.sql(target, "select 1 from cloister.accounts where name = 'moved'");
  expect(rows).toHaveLength(2);
});
