/**
 * Tenants whose every text carries a mark of their own. What a mark is found in shows whose data it
 * holds; records are made through the API, from the schema alone.
 */
import { randomBytes } from 'node:crypto';
import { isInterfaceType, type GraphQLSchema } from 'graphql';
import { uuidv7 } from 'uuidv7';
import { parseTypeId, toTypeId } from '../../src/lib/type-id';
import type { TestDatabase } from './databases';
import { sampleOf, type SampleSource } from './isolation-inputs';
import { placesOf, rootFields } from './isolation-places';
import { fillEmptyTables } from './watermark-tables';
import { PASSWORD, type TenantName, type World } from './world';

/**
 * Three make a chain within their kind (the third's parent's parent is the first) and go together
 * with those of the same number; a fourth belongs to the first of every other kind, so that there
 * are lists of two.
 */
const RECORDS_PER_KIND = 4;

export interface MarkedTenant {
  readonly name: TenantName;
  /** In every text of the tenant but telephone numbers, which have their own. */
  readonly mark: string;
  readonly phoneMark: string;
  /** Ids of living records by kind, as the API gave them, in the order of their making. */
  readonly records: Readonly<Record<string, readonly string[]>>;
  /** The id of one deleted record of each kind. */
  readonly deleted: Readonly<Record<string, string>>;
  readonly source: SampleSource;
  /** Whether the text holds a mark or an id of the tenant. */
  foundIn(text: string): string | undefined;
}

/** Texts, addresses and numbers of one tenant, each used once. */
export function markedSource(
  mark: string,
  phoneMark: string,
  recordId: SampleSource['recordId'],
): SampleSource {
  let used = 0;
  const next = (): number => (used += 1);
  return {
    text: (field) => (field === 'password' ? PASSWORD : `${mark} ${field} ${next()}`),
    email: () => `${mark}-${next()}@${mark}.test`,
    phone: () => `${phoneMark}${String(next()).padStart(4, '0')}`,
    url: () => `https://${mark}.test/${next()}`,
    recordId,
  };
}

/** The kinds of record: what implements Node. */
export function kindNames(schema: GraphQLSchema): string[] {
  const node = schema.getType('Node');
  if (!isInterfaceType(node)) throw new Error('Expected the schema to have the interface Node.');
  return schema.getPossibleTypes(node).map(({ name }) => name);
}

/** @param names whether the tenant's names, which the registry knows too, are marked as well. */
export async function markTenant(
  world: World,
  schema: GraphQLSchema,
  name: TenantName,
  { names = true }: { names?: boolean } = {},
): Promise<MarkedTenant> {
  const mark = `wm${randomBytes(5).toString('hex')}${name}`;
  const phoneMark = `+4368${String(randomBytes(4).readUInt32BE() % 10_000_000).padStart(7, '0')}`;
  const records: Record<string, string[]> = Object.fromEntries(
    kindNames(schema).map((kind) => [kind, []]),
  );
  const deleted: Record<string, string> = {};
  let making = '';
  let round = 0;
  const source = markedSource(mark, phoneMark, (kind) =>
    records[kind]?.at(kind !== making && round === RECORDS_PER_KIND - 1 ? 0 : -1),
  );
  const create = async (kind: string): Promise<string> => {
    making = kind;
    return createRecord(world, schema, name, kind, source);
  };
  const mutate = async (text: string, input: object): Promise<void> => {
    const answer = await world.query({ tenant: name }, text, { input });
    if (!answer.text.includes('"userErrors":[]'))
      throw new Error(`Expected no errors, but got ${answer.text}`);
  };

  for (; round < RECORDS_PER_KIND; round += 1) {
    for (const kind of inOrderOfReference(schema)) records[kind]?.push(await create(kind));
  }
  for (const kind of inOrderOfReference(schema)) {
    const id = await create(kind);
    await mutate(
      `mutation ($input: Delete${kind}Input!) { delete${kind}(input: $input) { userErrors { code } } }`,
      { id },
    );
    deleted[kind] = id;
  }

  if (names) await markNames(world, name, mark);
  await signInFrom(world, name, mark);
  // Not a kind, and yet what has an id: by which it can be ended.
  records['Session'] = [await openSession(world, name), await openSession(world, name)];
  deleted['Session'] = await openSession(world, name, { revoked: true });
  const { database, localTenantId } = world.tenants[name];
  await fillEmptyTables(world, database, await tenantTables(world, database), localTenantId, mark);
  const ids = [...Object.values(records).flat(), ...Object.values(deleted)];
  const marks = [mark, phoneMark, ...ids, ...ids.map(uuidOf)];
  return {
    name,
    mark,
    phoneMark,
    records,
    deleted,
    source: {
      ...source,
      recordId: (kind) => records[kind]?.at(-1),
      siblingId: (kind) => records[kind]?.[0],
    },
    foundIn: (text) => marks.find((each) => text.includes(each)),
  };
}

/** A log-in of the tenant's admin. @returns the session's id. */
async function openSession(
  world: World,
  tenant: TenantName,
  { revoked = false }: { revoked?: boolean } = {},
): Promise<string> {
  const { data } = await world.query<{ login: { accessToken: string } }>(
    undefined,
    'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
    { input: { email: `admin@${tenant}.test`, password: PASSWORD } },
  );
  const [, claims = ''] = data.login.accessToken.split('.');
  const { sid } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sid: string };
  if (revoked) {
    await world.sql(
      world.tenants[tenant].database,
      "update cloister.user_sessions set revoked_at = now(), revoked_reason = 'revoked' where id = $1",
      [sid],
    );
  }
  return toTypeId('session', sid);
}

/** Makes a record of the kind with every text filled in. @returns its id. */
export async function createRecord(
  world: World,
  schema: GraphQLSchema,
  tenant: TenantName,
  kind: string,
  source: SampleSource,
): Promise<string> {
  if (kind === 'Session') return openSession(world, tenant);
  const field = rootFields(schema, 'mutation').find((each) => each.name === `create${kind}`);
  const argument = field?.args[0];
  if (argument === undefined) throw new Error(`Expected a mutation create${kind} with an input.`);
  const input = sampleOf(argument.type, argument.name, source, { full: true });
  const answer = await world.query<Record<string, Record<string, { id: string }>>>(
    { tenant },
    `mutation ($input: ${String(argument.type)}) { made: create${kind}(input: $input) { ${recordField(kind)} { id } userErrors { field message } } }`,
    { input },
  );
  const id = answer.data['made']?.[recordField(kind)]?.id;
  if (id === undefined)
    throw new Error(`Expected create${kind} to succeed, but got ${answer.text}`);
  return id;
}

export const recordField = (kind: string): string => kind.charAt(0).toLowerCase() + kind.slice(1);

/** An id of the right form that nobody has. */
export const randomIdLike = (id: string): string => toTypeId(prefixOf(id), uuidv7());

export const uuidOf = (id: string): string => {
  const uuid = parseTypeId(prefixOf(id), id);
  if (uuid === undefined) throw new Error(`Expected an id of the API, but got "${id}".`);
  return uuid;
};

const prefixOf = (id: string): string => id.slice(0, id.lastIndexOf('_'));

/** Kinds after those that their inputs refer to. */
export function inOrderOfReference(schema: GraphQLSchema): string[] {
  const references = new Map(kindNames(schema).map((kind) => [kind, new Set<string>()]));
  for (const { fields, idOf } of placesOf(schema, 'ID')) {
    const kind = /^create(.+)$/.exec(fields[0]?.name ?? '')?.[1] ?? '';
    if (idOf !== undefined && idOf !== kind) references.get(kind)?.add(idOf);
  }
  const ordered: string[] = [];
  while (ordered.length < references.size) {
    const ready = [...references].filter(
      ([kind, parents]) =>
        !ordered.includes(kind) && [...parents].every((parent) => ordered.includes(parent)),
    );
    if (ready.length === 0)
      throw new Error('Kinds refer to each other in a circle: the first must be made without.');
    ordered.push(...ready.map(([kind]) => kind));
  }
  return ordered;
}

async function markNames(world: World, name: TenantName, mark: string): Promise<void> {
  const { database, localTenantId, id } = world.tenants[name];
  await world.sql(
    database,
    'update cloister.tenants set name = $2, slug = $2 where tenant_id = $1',
    [localTenantId, mark],
  );
  await world.sql(world.registry, 'update registry.tenants set name = $2 where id = $1', [
    id,
    mark,
  ]);
}

/** A marked user signs in with a program of that name, which the list of sessions keeps. */
async function signInFrom(world: World, name: TenantName, mark: string): Promise<void> {
  const { database, localTenantId } = world.tenants[name];
  const [user] = await world.sql<{ email: string }>(
    database,
    'select email from cloister.users where tenant_id = $1 and strpos(email, $2) > 0 and deleted_at is null limit 1',
    [localTenantId, mark],
  );
  const answer = await fetch(`${world.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': mark },
    body: JSON.stringify({
      query:
        'mutation ($input: LoginInput!) { login(input: $input) { accessToken userErrors { message } } }',
      variables: { input: { email: user?.email, password: PASSWORD } },
    }),
  });
  const text = await answer.text();
  if (!text.includes('"accessToken":"')) throw new Error(`Expected to sign in, but got ${text}`);
}

/** The tenant's rows of each table, as one checksum a table, past every policy. */
export async function checksumsOf(world: World, name: TenantName): Promise<Record<string, string>> {
  const { database, localTenantId } = world.tenants[name];
  const sums = (await tenantTables(world, database)).map(
    (table) =>
      `select '${table}' as name, count(*) as rows, md5(coalesce(string_agg(t::text, E'\n' order by t::text), '')) as sum
       from cloister.${table} t where tenant_id = $1`,
  );
  const rows = await world.sql<{ name: string; rows: string; sum: string }>(
    database,
    sums.join(' union all '),
    [localTenantId],
  );
  return Object.fromEntries(
    rows.map(({ name: table, rows: count, sum }) => [table, `${count} rows ${sum}`]),
  );
}

/** Tables of the schema `cloister` that hold tenants' rows. */
export async function tenantTables(world: World, database: TestDatabase): Promise<string[]> {
  const rows = await world.sql<{ name: string }>(
    database,
    `select c.relname::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'cloister'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'tenant_id'
     order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Where in a database any of the texts stands, whatever the schema, table or type of column. */
export async function placesOfText(
  world: World,
  database: TestDatabase,
  texts: readonly string[],
): Promise<string[]> {
  const tables = await world.sql<{ name: string }>(
    database,
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
     order by 1`,
  );
  const searches = tables.map(
    ({ name }) =>
      `select '${name}' as name where exists (select from ${name} t, unnest($1::text[]) u(text) where strpos(t::text, u.text) > 0)`,
  );
  const found = await world.sql<{ name: string }>(database, searches.join(' union all '), [texts]);
  return found.map(({ name }) => name);
}
