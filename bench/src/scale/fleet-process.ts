/**
 * Run as a process of its own with the product's code: makes the tenants of a fleet by the product's
 * registration, tells the registry where the data sources are, issues access tokens. Takes a
 * FleetOrder as JSON in FLEET_ORDER; answers one line of JSON on standard output and its progress as
 * lines on standard error.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { eachAtOnce } from './at-once';
import type { FleetSize } from './scale-options';
import { productOf, type Claims, type Product } from './fleet-product';

export type FleetOrder = { readonly root: string } & (
  | { readonly work: 'sources'; readonly count: number; readonly serverUrl: string }
  | {
      readonly work: 'tenants';
      readonly size: FleetSize;
      readonly password: string;
      readonly withinMs: number;
    }
  | { readonly work: 'route'; readonly port: number; readonly namedStatements: boolean }
  | { readonly work: 'logins' }
  | { readonly work: 'limit'; readonly tenantId: string; readonly requestsPerMinute: number | null }
  | { readonly work: 'tokens'; readonly claimsFile: string }
);

export interface MadeTenants {
  readonly made: Readonly<Record<'shared' | 'dedicated' | 'registered', number>>;
  readonly seconds: Readonly<Record<'shared' | 'dedicated' | 'registered', number>>;
  /** Every tenant is there; false when the time was over before. */
  readonly complete: boolean;
  readonly tenants: readonly {
    readonly slug: string;
    readonly id: string;
    readonly source: string;
  }[];
}

/** What PgBouncer has to know of a data source. */
export interface PoolerLogin {
  readonly database: string;
  readonly placement: 'shared' | 'dedicated';
  readonly user: string;
  readonly password: string;
}

/** Registrations at once: the product works at four of them and lets the others wait. */
const AT_ONCE = 8;
const EVERYBODY = { limit: 10_000_000 };
const ACTOR = 'bench';
export const TOKENS_GOOD_FOR_SECONDS = 3600;

export const slugOf = (index: number): string => `tenant-${index}`;
export const emailOf = (index: number): string => `bench@tenant-${index}.test`;

/** Databases as registrations make them, enrolled as shared data sources. */
async function makeSources(product: Product, count: number, serverUrl: string): Promise<void> {
  const { tenancy, parseConnectionUrl, formatConnectionUrl } = product;
  const server = parseConnectionUrl(serverUrl);
  await product.addServer(tenancy, { name: 'bench', adminUrl: serverUrl }, ACTOR);
  for (let index = 0; index < count; index += 1) {
    const database = `bench_shared_${index}`;
    const role = (kind: string) => ({
      name: `${database}_${kind}`,
      password: randomBytes(18).toString('hex'),
    });
    const [owner, app] = [role('owner'), role('app')];
    await product.createTenantDatabase(server, { database, owner, app });
    const urlOf = ({ name: user, password }: typeof owner): string =>
      formatConnectionUrl({ ...server, database, user, password });
    await product.addDataSource(tenancy, {
      name: `shared-${index}`,
      placement: 'shared',
      url: urlOf(app),
      migrationUrl: urlOf(owner),
    });
    say(`shared database ${index + 1}/${count}`);
  }
}

/** Those that are there already are left alone: what was interrupted is gone on with. */
async function makeTenants(
  product: Product,
  { shared, dedicated, registered }: FleetSize,
  { password, withinMs }: { readonly password: string; readonly withinMs: number },
): Promise<MadeTenants> {
  const { tenancy } = product;
  const until = Date.now() + withinMs;
  const known = new Set((await tenancy.registry.listTenants(EVERYBODY)).map(({ slug }) => slug));
  const made = { shared: 0, dedicated: 0, registered: 0 };
  const seconds = { shared: 0, dedicated: 0, registered: 0 };
  const make = async (kind: keyof typeof made, from: number, to: number): Promise<void> => {
    const begunAt = Date.now();
    const missing = Array.from({ length: to - from }, (_, at) => from + at).filter(
      (index) => !known.has(slugOf(index)),
    );
    await eachAtOnce(missing, AT_ONCE, async (index) => {
      if (Date.now() > until) return;
      await product.provisioning.register({
        slug: slugOf(index),
        name: `Tenant ${index}`,
        plan: 'standard',
        placement: kind === 'dedicated' ? 'dedicated' : 'shared',
        admin: { name: 'Bench', email: emailOf(index), password },
      });
      made[kind] += 1;
      if (made[kind] % 50 === 0) say(`${kind}: ${made[kind]} of ${missing.length}`);
    });
    seconds[kind] = (Date.now() - begunAt) / 1000;
  };
  await make('shared', 0, shared);
  await make('dedicated', shared, shared + dedicated);
  await make('registered', shared + dedicated, registered);
  const sources = new Map(
    (await tenancy.registry.listDataSources()).map(({ id, name }) => [id, name]),
  );
  const tenants = await tenancy.registry.listTenants(EVERYBODY);
  return {
    made,
    seconds,
    complete: tenants.length >= registered,
    tenants: tenants.map(({ slug, id, dataSourceId }) => ({
      slug,
      id,
      source: sources.get(dataSourceId ?? '') ?? '',
    })),
  };
}

/** Where connections of requests go; migrations go to Postgres itself as before. */
async function route(product: Product, port: number, namedStatements: boolean): Promise<void> {
  const { tenancy, parseConnectionUrl, formatConnectionUrl } = product;
  for (const row of await tenancy.registry.listDataSources()) {
    const connection = parseConnectionUrl(await product.openUrl(tenancy.secretBox, row));
    if (connection.port === port && row.namedStatements === namedStatements) continue;
    await product.enrolDataSource(tenancy, {
      name: row.name,
      placement: row.placement,
      url: formatConnectionUrl({ ...connection, port }),
    });
    await tenancy.registry.updateDataSource(row.id, { namedStatements });
  }
}

async function loginsOf(product: Product): Promise<readonly PoolerLogin[]> {
  const logins: PoolerLogin[] = [];
  for (const row of await product.tenancy.registry.listDataSources()) {
    const { database, user, password } = product.parseConnectionUrl(
      await product.openUrl(product.tenancy.secretBox, row),
    );
    const placement = row.placement === 'shared' ? 'shared' : 'dedicated';
    logins.push({ database, placement, user, password });
  }
  return logins;
}

/** What a refresh would issue for the same sessions: those were opened by signing in. */
function issueTokens({ accessTokens }: Product, file: string): readonly string[] {
  const all = JSON.parse(readFileSync(file, 'utf8')) as readonly Claims[];
  const tokens = accessTokens(TOKENS_GOOD_FOR_SECONDS);
  return all.map((claims) => tokens.issue(claims).token);
}

async function work(order: FleetOrder): Promise<unknown> {
  const product = await productOf(order.root);
  try {
    switch (order.work) {
      case 'sources':
        return await makeSources(product, order.count, order.serverUrl);
      case 'tenants':
        return await makeTenants(product, order.size, order);
      case 'route':
        return await route(product, order.port, order.namedStatements);
      case 'logins':
        return await loginsOf(product);
      case 'limit':
        return await product.setTenantLimits(product.tenancy, {
          tenantId: order.tenantId,
          actor: ACTOR,
          limits: { requestsPerMinute: order.requestsPerMinute },
        });
      case 'tokens':
        return issueTokens(product, order.claimsFile);
    }
  } finally {
    await product.tenancy.close();
  }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

if (require.main === module) {
  void work(JSON.parse(process.env['FLEET_ORDER'] ?? '{}') as FleetOrder).then(
    (answer) => process.stdout.write(JSON.stringify(answer ?? null)),
    (error: unknown) => {
      say(String(error instanceof Error ? error.stack : error));
      process.exitCode = 1;
    },
  );
}
