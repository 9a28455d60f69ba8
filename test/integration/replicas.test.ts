/** Reads from a real streaming replica: which go there, which must not, and what happens without it. */
import { createApplication, type Application } from '../../src/application';
import { createLogger } from '../../src/server/logger';
import { createReplicaStore } from '../../src/tenancy/replicas/replica.store';
import { cliEnvironment, cloister, type CliResult } from '../support/cli';
import { eventually } from '../support/data-sources';
import { startPrimary, type Primary, type StreamingReplica } from '../support/streaming-replica';
import { createWorld, PASSWORD, testConfig, type World } from '../support/world';

const HEADER = 'x-cloister-consistency';
const NAMES = '{ accounts(first: 50) { nodes { name } } }';
const CREATE =
  'mutation ($name: String!) { createAccount(input: { name: $name }) { account { id name } userErrors { message } } }';

interface Reply {
  readonly status: number;
  readonly data: { accounts?: { nodes: { name: string }[] } };
  readonly token: string | null;
  /** Data sources that were asked. */
  readonly asked: readonly string[];
}

describe('a read replica', () => {
  let primary: Primary;
  let replica: StreamingReplica;
  let world: World;
  let near: Server;
  let alsoNear: Server;

  interface Server {
    readonly application: Application;
    send(
      query: string,
      options?: { name?: string; token?: string | null; as?: string },
    ): Promise<Reply>;
  }

  async function startServer(environment: NodeJS.ProcessEnv): Promise<Server> {
    const asked: string[] = [];
    const application = await createApplication({
      config: testConfig(world.registry, { AUTH_SESSION_CHECK_SECONDS: '60', ...environment }),
      logger: createLogger('silent'),
      refusalBeatMs: 1,
      onStatement: (_, { dataSource }) => asked.push(dataSource.name),
    });
    const { url } = await application.http.listen();
    const post = async (query: string, variables: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      });
      const body = (await response.json()) as { data: never };
      return { status: response.status, data: body.data, token: response.headers.get(HEADER) };
    };
    const tokens = new Map<string, string>();
    const signIn = async (email: string): Promise<string> => {
      const known = tokens.get(email);
      if (known !== undefined) return known;
      const { data } = await post(
        'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
        { input: { email, password: PASSWORD } },
      );
      const { accessToken } = (data as { login: { accessToken: string } }).login;
      tokens.set(email, accessToken);
      return accessToken;
    };
    return {
      application,
      async send(query, { name, token, as = 'admin@gamma.test' } = {}) {
        const authorization = `Bearer ${await signIn(as)}`;
        asked.splice(0);
        const reply = await post(
          query,
          { name },
          { authorization, ...(typeof token === 'string' ? { [HEADER]: token } : {}) },
        );
        return { ...reply, asked: [...asked] };
      },
    };
  }

  const namesOf = ({ data }: Reply): string[] =>
    (data.accounts?.nodes ?? []).map(({ name }) => name);
  const readsFrom = (server: Server, expected: string, as?: string) =>
    eventually(
      () => server.send(NAMES, as === undefined ? {} : { as }),
      ({ asked }) => asked.includes(expected),
      15_000,
    );
  const replicas = (...args: string[]): Promise<CliResult> =>
    cloister(['replicas', ...args], {
      ...cliEnvironment(world.registry),
      CLOISTER_SOURCE_URL: replica.urlOf(world.tenants.gamma.database.appUrl),
    });
  const add = (...more: string[]) =>
    replicas('add', '--name', 'dedicated-eu', '--source', 'dedicated', '--region', 'eu', ...more);

  beforeAll(async () => {
    primary = await startPrimary();
    process.env['TEST_POSTGRES_URL'] = primary.url;
    world = await createWorld();
    replica = await primary.replicate();
    near = await startServer({ REGION: 'eu', REPLICA_MAX_LAG_MS: '1000' });
    alsoNear = await startServer({ REGION: 'eu', REPLICA_MAX_LAG_MS: '1000' });
  });
  afterAll(async () => {
    await Promise.all([near, alsoNear].map(({ application }) => application.close()));
    await world.close();
    await primary.stop();
  });

  it('is enrolled when it is a copy of its data source, and refused when it is anything else', async () => {
    const wrong = await cloister(
      ['replicas', 'add', '--name', 'x', '--source', 'dedicated', '--region', 'eu'],
      {
        ...cliEnvironment(world.registry),
        CLOISTER_SOURCE_URL: world.tenants.gamma.database.appUrl,
      },
    );
    expect(wrong.stderr).toContain('got one that takes writes');
    const other = await cloister(
      ['replicas', 'add', '--name', 'x', '--source', 'shared', '--region', 'eu'],
      {
        ...cliEnvironment(world.registry),
        CLOISTER_SOURCE_URL: replica.urlOf(world.tenants.gamma.database.appUrl),
      },
    );
    expect(other.stderr).toContain('got another server or database');

    await readsFrom(near, 'dedicated');
    expect(await add()).toMatchObject({ exitCode: 0 });
    const { stdout } = await replicas('list');
    expect(stdout).toMatch(/dedicated-eu +dedicated +eu +active +0-10/);
    const [row] = await createReplicaStore(world.application.tenancy.registryDb).list();
    expect(row?.urlSealed).toMatch(/^v\d\./);
    const [entry] = await world.sql(
      world.registry,
      "select actor, after ->> 'url_sealed' as url from registry.audit_log where table_name = 'replicas'",
    );
    expect(entry).toMatchObject({ actor: 'command-line', url: expect.stringMatching(/^sealed:/) });
  });

  it('is read from by processes of its region, and written to by nobody', async () => {
    await readsFrom(near, 'dedicated-eu');
    const { asked, token } = await near.send(CREATE, { name: 'first' });
    expect(new Set(asked)).toEqual(new Set(['dedicated']));
    expect(token).not.toBeNull();
    const far = await startServer({ REGION: 'us' });
    const nowhere = await startServer({});
    for (const server of [far, nowhere]) {
      for (let time = 0; time < 3; time += 1) {
        expect(new Set((await server.send(NAMES)).asked)).toEqual(new Set(['dedicated']));
      }
      await server.application.close();
    }
  });

  it('shows a reader its own writes at once, on this process and by its token on another', async () => {
    await readsFrom(near, 'dedicated-eu');
    await readsFrom(alsoNear, 'dedicated-eu');
    for (let round = 0; round < 10; round += 1) {
      const name = `own ${round}`;
      const { token } = await near.send(CREATE, { name });
      expect(namesOf(await near.send(NAMES))).toContain(name);
      expect(namesOf(await alsoNear.send(NAMES, { token }))).toContain(name);
    }
    await readsFrom(near, 'dedicated-eu'); // once the replica has it
  });

  it('is not needed to have been heard of: a process’s first write is remembered as well', async () => {
    const fresh = await startServer({ REGION: 'us' });
    const { token } = await fresh.send(CREATE, { name: 'first of a process' });
    await fresh.application.close();
    expect(token).not.toBeNull();
    await replica.pause();
    try {
      const handedOn = await alsoNear.send(NAMES, { token });
      expect(namesOf(handedOn)).toContain('first of a process');
    } finally {
      await replica.resume();
    }
  });

  it('that stands still is no longer shown to who has written, nor to anybody once it is stale', async () => {
    await readsFrom(near, 'dedicated-eu');
    await readsFrom(alsoNear, 'dedicated-eu');
    await replica.pause();
    try {
      const { token } = await near.send(CREATE, { name: 'unseen' });
      const own = await near.send(NAMES);
      expect(own.asked).toEqual(['dedicated']);
      expect(namesOf(own)).toContain('unseen');
      const handedOn = await alsoNear.send(NAMES, { token });
      expect(handedOn.asked).toEqual(['dedicated']);
      // Somebody else may see the state of a moment ago, for as long as the bound on lag allows.
      const others = await near.send(NAMES, { as: 'reader@gamma.test' });
      if (others.asked.includes('dedicated-eu')) expect(namesOf(others)).not.toContain('unseen');
      await readsFrom(near, 'dedicated', 'reader@gamma.test');
      for (let time = 0; time < 5; time += 1) {
        const reply = await near.send(NAMES, { as: 'reader@gamma.test' });
        expect(reply.asked).toEqual(['dedicated']);
        expect(namesOf(reply)).toContain('unseen');
      }
    } finally {
      await replica.resume();
    }
    expect(namesOf(await readsFrom(near, 'dedicated-eu'))).toContain('unseen');
  });

  it('is not read from with a token that nobody made', async () => {
    await readsFrom(near, 'dedicated-eu');
    expect((await near.send(NAMES, { token: 'made-up' })).asked).toEqual(['dedicated']);
    expect((await near.send(NAMES, { token: 'made-up' })).status).toBe(200);
  });

  it('answers operations of several levels from one view', async () => {
    await readsFrom(near, 'dedicated-eu');
    const { asked, status } = await near.send(
      '{ accounts(first: 5) { nodes { name contacts(first: 2) { nodes { id } } } totalCount } }',
    );
    expect(status).toBe(200);
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked)).toEqual(new Set(['dedicated-eu']));
  });

  it('has a pool and a breaker of its own', async () => {
    await readsFrom(near, 'dedicated-eu');
    const stats = near.application.tenancy.pools.stats();
    expect(stats.map(({ dataSource }) => dataSource)).toEqual(
      expect.arrayContaining(['dedicated', 'dedicated-eu']),
    );
  });

  it('is left alone at once when it is disabled, and read from again when it is enabled', async () => {
    await readsFrom(near, 'dedicated-eu');
    expect(await replicas('disable', 'dedicated-eu')).toMatchObject({ exitCode: 0 });
    await readsFrom(near, 'dedicated');
    expect((await near.send(NAMES)).asked).toEqual(['dedicated']);
    expect(await replicas('enable', 'dedicated-eu')).toMatchObject({ exitCode: 0 });
    await readsFrom(near, 'dedicated-eu');
  });

  it('that dies costs no request: what it would have answered, the primary does', async () => {
    await readsFrom(near, 'dedicated-eu');
    await replica.kill();
    for (let time = 0; time < 10; time += 1) {
      const reply = await near.send(NAMES);
      expect(reply.status).toBe(200);
      expect(namesOf(reply)).toContain('unseen');
    }
    await readsFrom(near, 'dedicated');
    expect(await replicas('remove', 'dedicated-eu')).toMatchObject({ exitCode: 0 });
    expect((await replicas('list')).stdout.trim().split('\n')).toHaveLength(1);
  });
});
