/**
 * No secret comes out of the operators' API: every field of every record is asked for, in a registry
 * whose sealed columns, hashes and tokens are known words, and so are the passwords of its databases.
 */
import {
  getNamedType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { uuidv7 } from 'uuidv7';
import { buildPlatformSchema } from '../../src/platform/api/platform-schema';
import { createPlatform, type OperatorTokens, type Platform } from '../support/platform';
import { createWorld, type World } from '../support/world';

const CANARY = 'CANARYSECRET';
const LEVELS = 3;

type Field = GraphQLField<unknown, unknown>;

const isList = (type: GraphQLOutputType): boolean =>
  isNonNullType(type) ? isList(type.ofType) : isListType(type);

/** Every field that needs no argument, so many levels down. */
function selectionOf(type: GraphQLObjectType, levels: number): string {
  const parts = Object.values(type.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument)) return [];
    const below = getNamedType(field.type);
    if (isLeafType(below)) return [field.name];
    if (!isObjectType(below) || levels === 0) return [];
    return [`${field.name} { ${selectionOf(below, levels - 1)} }`];
  });
  return parts.length === 0 ? '__typename' : parts.join(' ');
}

describe('a secret of the registry', () => {
  let world: World;
  let platform: Platform;
  let schema: GraphQLSchema;
  let tokens: OperatorTokens;
  const secrets = new Map<string, string>([['what is sealed or made of a secret', CANARY]]);

  beforeAll(async () => {
    [world, schema] = await Promise.all([createWorld(), buildPlatformSchema()]);
    platform = await createPlatform(world);
    tokens = await platform.signIn(platform.emails.owner);
    await plant();
    for (const [name, database] of Object.entries(world.tenants)) {
      secrets.set(`password of ${name}'s database`, new URL(database.database.appUrl).password);
    }
    secrets.set('refresh token', tokens.refreshToken.slice(5));
    const [operator] = await world.sql<{ password_hash: string }>(
      world.registry,
      "select password_hash from registry.operators where role = 'owner'",
    );
    secrets.set('password hash', operator?.password_hash ?? '');
  });
  afterAll(() => world.close());

  /** Rows whose secret columns are the canary, in every table that has some; audited like others. */
  async function plant(): Promise<void> {
    const sql = (text: string, values: unknown[] = []) => world.sql(world.registry, text, values);
    const { id: tenantId } = world.tenants.alpha;
    const [source] = await world.sql<{ id: string }>(
      world.registry,
      'select id from registry.data_sources limit 1',
    );
    const sealed = `v1.k.${CANARY}.x.x`;
    await sql(
      `insert into registry.data_sources (id, name, placement, url_sealed, migration_url_sealed)
       values ($1, 'canary', 'shared', $2, $2)`,
      [uuidv7(), sealed],
    );
    await sql(
      'insert into registry.database_servers (id, name, admin_url_sealed) values ($1, $2, $3)',
      [uuidv7(), 'canary', sealed],
    );
    await sql(
      `insert into registry.replicas (id, data_source_id, name, region, url_sealed)
       values ($1, $2, 'canary', 'here', $3)`,
      [uuidv7(), source?.id, sealed],
    );
    await sql(
      `insert into registry.provisionings (id, tenant_id, slug, placement, step, email_hmac, inputs_sealed)
       values ($1, $2, 'canary', 'shared', 'place', decode(repeat('ab', 32), 'hex'), $3)`,
      [uuidv7(), tenantId, sealed],
    );
    await sql(
      `insert into registry.phone_numbers (id, tenant_id, number, scheme, secret_sealed)
       values ($1, $2, '+43123456789', 'twilio', $3)`,
      [uuidv7(), tenantId, sealed],
    );
    await sql(
      'insert into registry.hostnames (id, tenant_id, hostname, verification_token) values ($1, $2, $3, $4)',
      [uuidv7(), tenantId, 'crm.example.test', 'x'.repeat(32)],
    );
    await sql(
      `insert into registry.data_keys (id, owner_kind, owner_id, provider, master_key_id, key_sealed)
       values ($1, 'tenant', $1, 'local', 'k', $2)`,
      [uuidv7(), sealed],
    );
    await sql(
      `insert into registry.operators (id, email, name, password_hash, role)
       values ($1, 'canary@cloister.test', 'Canary', $2, 'viewer')`,
      [uuidv7(), CANARY],
    );
  }

  const lists = (): Field[] =>
    (Object.values(schema.getQueryType()?.getFields() ?? {}) as Field[]).filter(
      ({ args }) => !args.some(isRequiredArgument),
    );

  it('is in no field of any record', async () => {
    const answers: string[] = [];
    for (const field of lists()) {
      const type = getNamedType(field.type) as GraphQLObjectType;
      const nodes = type.getFields()['nodes'];
      const body =
        nodes === undefined
          ? selectionOf(type, LEVELS)
          : `nodes { ${selectionOf(getNamedType(nodes.type) as GraphQLObjectType, LEVELS)} }`;
      const size = nodes === undefined ? '' : '(first: 40)';
      const answer = await platform.query('owner', `{ ${field.name}${size} { ${body} } }`);
      expect([field.name, answer.errors]).toEqual([field.name, []]);
      if (nodes !== undefined && isList(nodes.type)) answers.push(answer.text);
    }
    const all = answers.join('\n');
    // The rows are there, and what was made of their secrets shows as a fingerprint.
    expect(all.match(/canary/g)?.length).toBeGreaterThan(8);
    expect(all).toMatch(/sealed:[0-9a-f]{12}/);
    expect(all).toMatch(/hash:[0-9a-f]{12}/);
    expect([...secrets].filter(([, secret]) => all.includes(secret)).map(([name]) => name)).toEqual(
      [],
    );
    expect(secrets.size).toBeGreaterThan(5);
  });

  it('is in no answer to one who gives it', async () => {
    const url = `postgres://app:${CANARY}@127.0.0.1:1/none`;
    for (const placement of ['SHARED', 'BYO']) {
      const { text } = await platform.query(
        'owner',
        `mutation ($url: String!, $placement: Placement!) {
           addDataSource(input: { name: "n", placement: $placement, url: $url }) { userErrors { message } }
           testDataSource(input: { placement: $placement, url: $url, migrationUrl: $url })
             { ok findings { detail remedy sql } userErrors { message } } }`,
        { url, placement },
      );
      expect(text).not.toContain(CANARY);
    }
  });
});
