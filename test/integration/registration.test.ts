/** Registration as whoever registers sees it: over HTTP, in one request. */
import { parseConnectionUrl } from '../../src/database/connection-url';
import { enrolServer } from '../../src/platform/database-servers';
import { dropTenantDatabase } from '../../src/platform/provisioning/tenant-database';
import {
  cloneDatabase,
  createTemplate,
  superuserUrl,
  type TestDatabase,
} from '../support/databases';
import { createWorld, PASSWORD, type Answer, type World } from '../support/world';

const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) {
    accessToken refreshToken tenant { slug name } user { name email role }
    userErrors { field message code }
  }
}`;
const LIMIT = 90;

interface Registered {
  readonly register: {
    readonly accessToken: string | null;
    readonly userErrors: readonly { field: string[]; message: string; code: string }[];
  };
}

describe('registration', () => {
  let world: World;
  let empty: TestDatabase;
  beforeAll(async () => {
    world = await createWorld({ environment: { LIMIT_REGISTRATIONS_PER_HOUR: String(LIMIT) } });
    await enrolServer(
      world.application.tenancy,
      { name: 'here', adminUrl: superuserUrl() },
      'test',
    );
    empty = await cloneDatabase(await createTemplate('empty', () => Promise.resolve()));
  });
  afterAll(async () => {
    const made = await world.sql<{ name: string }>(
      world.registry,
      'select database_name as name from registry.provisionings where database_name is not null',
    );
    await world.close();
    await empty.drop();
    const server = parseConnectionUrl(superuserUrl());
    for (const { name: database } of made) {
      const role = (kind: string) => ({ name: `${database}_${kind}`, password: '' });
      await dropTenantDatabase(server, { database, owner: role('owner'), app: role('app') });
    }
  });

  const register = (
    slug: string,
    change: Record<string, unknown> = {},
  ): Promise<Answer<Registered>> =>
    world.query<Registered>(undefined, REGISTER, {
      input: {
        organisation: `The ${slug}`,
        slug,
        name: 'Ada',
        email: `ada@${slug}.test`,
        password: PASSWORD,
        ...change,
      },
    });

  it('makes an organisation whose admin is signed in and finds it empty', async () => {
    const answer = await register('umbrella');
    expect(answer.data.register).toMatchObject({
      tenant: { slug: 'umbrella', name: 'The umbrella' },
      user: { name: 'Ada', email: 'ada@umbrella.test', role: 'ADMIN' },
      userErrors: [],
    });
    const token = { token: answer.data.register.accessToken ?? '' };
    const made = await world.query<{ createAccount: { account: { name: string } } }>(
      token,
      'mutation { createAccount(input: { name: "First" }) { account { name } } }',
    );
    expect(made.data.createAccount.account.name).toBe('First');
    const all = await world.query(token, '{ accounts { totalCount } users { totalCount } }');
    expect(all.data).toEqual({ accounts: { totalCount: 1 }, users: { totalCount: 1 } });
    const [row] = await world.sql(
      world.registry,
      "select status, plan, trial_ends_at > now() + interval '13 days' as trial from registry.tenants where slug = 'umbrella'",
    );
    expect(row).toEqual({ status: 'trial', plan: 'trial', trial: true });
  });

  it('keeps neither password nor address of the admin in the registry', async () => {
    await register('discreet');
    const tables = await world.sql<{ name: string }>(
      world.registry,
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'registry'",
    );
    for (const { name } of tables) {
      const [found] = await world.sql<{ count: number }>(
        world.registry,
        `select count(*)::int as count from ${name} t where t::text ilike '%ada@discreet%' or t::text like '%${PASSWORD}%'`,
      );
      expect([name, found?.count]).toEqual([name, 0]);
    }
  });

  it('lets fifty in at once, over a bounded number of connections', async () => {
    let most = 0;
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const [now] = await world.sql<{ count: number }>(
          world.registry,
          "select count(*)::int as count from pg_stat_activity where application_name in ('cloister-provision', 'cloister-migrate')",
        );
        most = Math.max(most, now?.count ?? 0);
      }
    })();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        register(`crowd-${index}`, { placement: index % 2 === 0 ? 'DEDICATED' : 'SHARED' }),
      ),
    );
    watching = false;
    await watch;
    for (const answer of answers) {
      expect(answer.text).toContain('"userErrors":[]');
      expect(answer.data.register.accessToken).not.toBeNull();
    }
    // Four at once with one or two each; a backend is seen for a moment after its client has gone.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(16);
    const sources = await world.sql(
      world.registry,
      "select 1 from registry.data_sources where placement = 'dedicated' and server_id is not null",
    );
    expect(sources).toHaveLength(25);
  });

  it('takes an organisation’s own database, and says what is wrong with one', async () => {
    const own = (url: string, migrationUrl = empty.ownerUrl) => ({
      placement: 'BYO',
      database: { url, migrationUrl },
    });
    const refused = await register('owned', own(empty.superuserUrl));
    expect(refused.data.register.userErrors).toMatchObject([{ field: ['database', 'url'] }]);
    expect(refused.text).not.toContain(parseConnectionUrl(empty.superuserUrl).password);
    const unreachable = await register('owned', own('postgres://a:hush-hush@127.0.0.1:1/x'));
    expect(unreachable.data.register.userErrors).toMatchObject([{ field: ['database', 'url'] }]);
    expect(unreachable.text).not.toContain('hush-hush');
    const taken = await register('owned', own(empty.appUrl));
    expect(taken.data.register).toMatchObject({ userErrors: [], user: { role: 'ADMIN' } });
    const users = await world.sql(empty, 'select email from cloister.users');
    expect(users).toEqual([{ email: 'ada@owned.test' }]);
  });

  it('answers an address that is known elsewhere as any other', async () => {
    const known = await register('second-home', { email: 'admin@alpha.test' });
    const unknown = await register('first-home', { email: 'new@nowhere.test' });
    expect(known.data.register.userErrors).toEqual([]);
    expect(unknown.data.register.userErrors).toEqual([]);
    const login = await world.query<{ login: { tenants: { slug: string }[] } }>(
      undefined,
      `mutation { login(input: { email: "admin@alpha.test", password: "${PASSWORD}" }) { tenants { slug } } }`,
    );
    expect(login.data.login.tenants.map(({ slug }) => slug)).toEqual(['alpha', 'second-home']);
  });

  it('tells everything that is wrong at once, at its field', async () => {
    const answer = await register('www', {
      organisation: ' ',
      name: 'A\u0007da',
      email: 'ada',
      password: 'short',
      plan: 'enterprise',
      database: { url: 'x' },
    });
    const fields = answer.data.register.userErrors.map(({ field }) => field.join('.'));
    expect(fields).toEqual([
      'organisation',
      'slug',
      'name',
      'email',
      'password',
      'plan',
      'database',
    ]);
    const taken = await register('alpha');
    expect(taken.data.register.userErrors).toEqual([
      { field: ['slug'], message: 'is taken: choose another one', code: 'CONFLICT' },
    ]);
  });

  it('is limited by address', async () => {
    let last: Answer<Registered> | undefined;
    for (let attempt = 0; attempt < LIMIT && last?.status !== 429; attempt += 1) {
      last = await register('alpha');
    }
    expect(last?.status).toBe(429);
    expect(last?.errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
  });
});
