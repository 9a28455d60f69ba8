/**
 * Mercurius with its JIT (on from the first run of a document) and its loaders, which batch as
 * DataLoader does; `pg` with named statements. The tenant is a WHERE clause, the role passes the
 * policies by. https://mercurius.dev/#/docs/loaders · https://mercurius.dev/#/docs/api/options
 */
import fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';
import { poolConfig, readPeerSettings, tenantOf } from './peer-settings';
import { SCHEMA } from './peer-schema';
import { SEARCH_STATEMENT, STATE_TENANT, wordsOf } from './search.statement';

interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly primaryContactId: string;
}
interface Context {
  readonly tenantId: string;
}
type Queries = readonly { readonly obj: Row; readonly params: { readonly first: number } }[];

const ACCOUNT = `id, name, industry, website, phone, employee_count as "employeeCount", founded_year as "foundedYear"`;
const CONTACT = `id, full_name as "fullName", email, title`;
const OPPORTUNITY = `id, name, stage, amount, amount_currency as "amountCurrency", close_date as "closeDate", primary_contact_id as "primaryContactId"`;
const EVENT = `id, name, starts_at as "startsAt", status`;
const ACCOUNTS = `select ${ACCOUNT} from cloister.accounts where tenant_id = $1 and deleted_at is null`;

const settings = readPeerSettings();
// Dates as text, timestamps as Date, as an API would show them.
pg.types.setTypeParser(1082, (text) => text);
const pool = new pg.Pool(poolConfig(settings));

async function rows<T = Row>(name: string, text: string, values: unknown[]): Promise<T[]> {
  return (await pool.query({ name, text, values })).rows as T[];
}

/** The one query that needs the tenant stated: the database's own function finds nothing without. */
async function rowsOfTenant(tenantId: string, name: string, text: string, values: unknown[]) {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query({ name: 'scope', text: STATE_TENANT, values: [tenantId] });
    const found = await client.query({ name, text, values });
    await client.query('commit');
    return found.rows as Row[];
  } finally {
    client.release();
  }
}

const children =
  (table: string, columns: string) =>
  async (queries: Queries, { tenantId }: Context) => {
    const found = await rows(
      table,
      `select p.id as "parentId", c.* from unnest($2::uuid[]) as p (id) cross join lateral (
       select ${columns} from cloister.${table} t
       where t.tenant_id = $1 and t.account_id = p.id and t.deleted_at is null
       order by t.id desc limit $3) c`,
      [tenantId, queries.map(({ obj }) => obj.id), queries[0]?.params.first],
    );
    const byParent = new Map<string, Row[]>(queries.map(({ obj }) => [obj.id, []]));
    for (const row of found) byParent.get(row.parentId)?.push(row);
    return queries.map(({ obj }) => byParent.get(obj.id) ?? []);
  };

const app = fastify();
void app.register(mercurius, {
  schema: SCHEMA,
  jit: 1,
  context: (request) => ({ tenantId: tenantOf(request.headers) }),
  resolvers: {
    Query: {
      account: async (_: unknown, { id }: { id: string }, { tenantId }: Context) =>
        (await rows('account', `${ACCOUNTS} and id = $2`, [tenantId, id]))[0] ?? null,
      accounts: (_: unknown, { first }: { first: number }, { tenantId }: Context) =>
        rows('accounts', `${ACCOUNTS} order by id desc limit $2`, [tenantId, first]),
      accountsOfIndustry: async (
        _: unknown,
        { industry, first }: { industry: string; first: number },
        { tenantId }: Context,
      ) => {
        const [nodes, [counted]] = await Promise.all([
          rows('industry', `${ACCOUNTS} and industry = $2 order by name, id limit $3`, [
            tenantId,
            industry,
            first,
          ]),
          rows<{ count: number }>(
            'industryCount',
            'select count(*)::int from cloister.accounts where tenant_id = $1 and deleted_at is null and industry = $2',
            [tenantId, industry],
          ),
        ]);
        return { nodes, totalCount: counted?.count ?? 0 };
      },
      searchRecords: (
        _: unknown,
        { term, first }: { term: string; first: number },
        { tenantId }: Context,
      ) => rowsOfTenant(tenantId, 'search', SEARCH_STATEMENT, [tenantId, wordsOf(term), first]),
    },
    Mutation: {
      createContact: async (
        _: unknown,
        { input }: { input: Record<string, string> },
        { tenantId }: Context,
      ) =>
        (
          await rows(
            'create',
            `insert into cloister.contacts (tenant_id, account_id, first_name, last_name, email, title)
             values ($1, $2, $3, $4, $5, $6) returning ${CONTACT}`,
            [
              tenantId,
              input['accountId'],
              input['firstName'],
              input['lastName'],
              input['email'],
              input['title'],
            ],
          )
        )[0],
    },
  } as never,
  loaders: {
    Account: {
      contacts: children('contacts', CONTACT),
      opportunities: children('opportunities', OPPORTUNITY),
      events: children('events', EVENT),
    },
    Opportunity: {
      primaryContact: async (queries: Queries, { tenantId }: Context) => {
        const found = await rows(
          'contactsById',
          `select ${CONTACT} from cloister.contacts where tenant_id = $1 and id = any($2) and deleted_at is null`,
          [tenantId, queries.map(({ obj }) => obj.primaryContactId)],
        );
        const byId = new Map(found.map((row) => [row.id, row]));
        return queries.map(({ obj }) => byId.get(obj.primaryContactId) ?? null);
      },
    },
  } as never,
});
void app.listen({ port: settings.port, host: '127.0.0.1' });
