/** The servers that are measured: how each is started, addressed and asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChildServer, type ChildServer } from './child-server';
import {
  cloisterDialect,
  limitDialect,
  postgraphileDialect,
  tutorialDialect,
  type Dialect,
} from './dialects';
import { emailOf, slugOf } from './enrol';
import { jsonRequest, openHttpConnection } from './http-connection';
import type { Options } from './options';
import { askedFor, type QueryId } from './queries';
import { assertNewEnough, nodeOf } from './server-node';
import type { TargetName } from './target-names';
import type { World } from './world';

export interface Target {
  /** In tables; in a comparison the commit. */
  readonly label: string;
  readonly name: TargetName;
  readonly world: World;
  /** How tenants are kept apart, for the report. */
  readonly isolation: string;
  readonly nodeVersion: string;
  start(databasePort: number): Promise<ChildServer>;
  /** The bytes of each query's requests, for a started server; tokens in them are fresh. */
  prepare(server: ChildServer): Promise<ReadonlyMap<QueryId, readonly Buffer[]>>;
}

export interface TargetSettings {
  readonly options: Options;
  readonly home: string;
  readonly signal: AbortSignal;
}

/** For cloister: nothing that refuses because the same tenant asks again and again. */
export const CLOISTER_LIMITS = { LIMIT_TENANT_COST_PER_MINUTE: '1000000000' } as const;

interface Recipe {
  readonly dialect: Dialect;
  readonly isolation: string;
  readonly role: 'app' | 'bypass';
  readonly file: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Its major version, where not every Node will do. */
  readonly nodeNeeded?: number;
}

const WHERE_ONLY = 'WHERE tenant_id, role with BYPASSRLS';

const PEERS: Readonly<Record<Exclude<TargetName, 'cloister'>, Recipe>> = {
  limit: {
    dialect: limitDialect,
    isolation: 'RLS, set_config beside the statement',
    role: 'app',
    file: 'limit',
  },
  ceiling: {
    dialect: tutorialDialect,
    isolation: 'RLS, set_config beside the statement',
    role: 'app',
    file: 'ceiling',
  },
  postgraphile: {
    dialect: postgraphileDialect,
    isolation: 'RLS, pgSettings with a role',
    role: 'app',
    file: 'postgraphile',
    nodeNeeded: 22,
  },
  mercurius: { dialect: tutorialDialect, isolation: WHERE_ONLY, role: 'bypass', file: 'mercurius' },
  tutorial: { dialect: tutorialDialect, isolation: WHERE_ONLY, role: 'bypass', file: 'tutorial' },
  'tutorial-rls': {
    dialect: tutorialDialect,
    isolation: 'RLS, a transaction for each request',
    role: 'app',
    file: 'tutorial',
    env: { ISOLATION: 'rls' },
  },
};

export function createTarget(
  name: TargetName,
  label: string,
  world: World,
  settings: TargetSettings,
): Target {
  return name === 'cloister'
    ? cloisterTarget(label, world, settings)
    : peerTarget(name, label, world, settings);
}

/** What `npm start` runs, without the `node` before it. */
export function npmStartArguments(root: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: { readonly start: string };
  };
  return scripts.start.split(' ').slice(1);
}

function cloisterTarget(
  label: string,
  world: World,
  { options, home, signal }: TargetSettings,
): Target {
  const node = nodeOf(options);
  return {
    label,
    name: 'cloister',
    world,
    isolation: 'RLS, the session’s own way',
    nodeVersion: node.version,
    start: (databasePort) =>
      world.moveDataSource(databasePort).then(() =>
        startChildServer({
          name: label,
          node: node.path,
          args: [
            ...(options.profile
              ? ['--cpu-prof', `--cpu-prof-dir=${join(home, 'profiles', label)}`]
              : []),
            ...npmStartArguments(world.root),
          ],
          cwd: world.root,
          env: {
            ...world.cloisterEnvironment,
            ...CLOISTER_LIMITS,
            NODE_ENV: 'production',
            CLOISTER_HOME: join(home, 'cloister'),
          },
          errorFile: join(home, `${label}.log`),
          signal,
        }),
      ),
    async prepare(server) {
      const tokens: string[] = [];
      for (const index of world.dataset.tenants.keys()) {
        tokens.push(await signIn(server.port, emailOf(slugOf(index)), world.password));
      }
      return requestsOf(
        cloisterDialect,
        world,
        options,
        () => '/graphql',
        (tenantIndex) => ({
          authorization: `Bearer ${tokens[tenantIndex] ?? ''}`,
        }),
      );
    },
  };
}

function peerTarget(
  name: Exclude<TargetName, 'cloister'>,
  label: string,
  world: World,
  { options, home, signal }: TargetSettings,
): Target {
  const recipe = PEERS[name];
  const node = nodeOf(options);
  assertNewEnough(name, node, recipe.nodeNeeded ?? 0);
  return {
    label,
    name,
    world,
    isolation: recipe.isolation,
    nodeVersion: node.version,
    start: (databasePort) =>
      startChildServer({
        name: label,
        node: node.path,
        args: [join(__dirname, '..', 'peers', `${recipe.file}.server.js`)],
        cwd: join(__dirname, '..', '..'),
        env: {
          NODE_ENV: 'production',
          GRAPHILE_ENV: 'production',
          DATABASE_URL: world.urlOf(recipe.role, databasePort),
          POOL_SIZE: String(options.poolSize),
          ...recipe.env,
        },
        errorFile: join(home, `${label}.log`),
        signal,
      }),
    prepare: async () =>
      requestsOf(
        recipe.dialect,
        world,
        options,
        // Tutorials of Apollo's standalone server have the API at the root.
        (query) => (name === 'limit' ? `/${query}` : recipe.file === 'tutorial' ? '/' : '/graphql'),
        (tenantIndex) => ({ 'x-tenant-id': world.dataset.tenants[tenantIndex] ?? '' }),
      ),
  };
}

export function requestsOf(
  dialect: Dialect,
  { dataset }: World,
  { queries }: Options,
  path: (query: QueryId) => string,
  headers: (tenantIndex: number) => Readonly<Record<string, string>>,
): ReadonlyMap<QueryId, readonly Buffer[]> {
  return new Map(
    queries.map((query) => [
      query,
      askedFor(query, dataset).map((asked) =>
        jsonRequest(path(query), headers(asked.tenantIndex), {
          query: dialect.documents[query],
          variables: dialect.variables(query, asked, dataset.tenants[asked.tenantIndex] ?? ''),
        }),
      ),
    ]),
  );
}

export async function signIn(port: number, email: string, password: string): Promise<string> {
  const connection = await openHttpConnection(port);
  try {
    const request = jsonRequest(
      '/graphql',
      {},
      {
        query: 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
        variables: { input: { email, password } },
      },
    );
    const text = (await connection.send(request)).body.toString();
    const answer = JSON.parse(text) as {
      data?: { login?: { accessToken?: string } | null } | null;
    };
    const token = answer.data?.login?.accessToken;
    if (token === undefined)
      throw new Error(`Signing in to cloister failed: ${text.slice(0, 300)}`);
    return token;
  } finally {
    connection.close();
  }
}
