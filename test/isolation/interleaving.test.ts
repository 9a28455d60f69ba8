/**
 * Two tenants on the same few connections at the same time: reads by one statement and by read
 * views, writes, refusals and rollbacks, in turns. Nothing of one may appear in an answer to the
 * other, whoever had the connection before.
 */
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { mapAtOnce } from '../support/isolation-run';
import { markTenant, randomIdLike, type MarkedTenant } from '../support/watermark';
import { createWorld, type Answer, type World } from '../support/world';

const CONNECTIONS = 3;
const AT_ONCE = 32;

interface Step {
  readonly query: string;
  readonly variables: (own: MarkedTenant, other: MarkedTenant, turn: number) => object;
  /** What the answer must be, beside free of the other tenant. */
  readonly expects: (answer: Answer, own: MarkedTenant) => boolean;
}

const first = (tenant: MarkedTenant, kind: string): string => tenant.records[kind]?.[0] ?? '';
const unharmed = (answer: Answer): boolean => answer.status === 200 && answer.errors.length === 0;

const STEPS: readonly Step[] = [
  {
    // One statement: an implicit transaction.
    query: 'query ($id: ID!) { account(id: $id) { name externalId } }',
    variables: (own) => ({ id: first(own, 'Account') }),
    expects: ({ text }, { mark }) => text.includes(`"name":"${mark}`),
  },
  {
    // Several levels: one read view.
    query: `query { accounts(first: 3) { totalCount nodes { name contacts(first: 2) { nodes { fullName } } owner { name } } } }`,
    variables: () => ({}),
    expects: ({ text }, { mark }) =>
      text.includes(`"name":"${mark}`) && text.includes('"totalCount":4'),
  },
  {
    query: 'query ($id: ID!) { node(id: $id) { id } }',
    variables: (_own, other) => ({ id: first(other, 'Contact') }),
    expects: ({ text }) => text.startsWith('{"data":{"node":null}'),
  },
  {
    query: 'query ($id: ID!) { contact(id: $id) { lastName account { name } } }',
    variables: (own) => ({ id: first(own, 'Contact') }),
    expects: ({ text }, { mark }) => text.includes(`"lastName":"${mark}`),
  },
  {
    // Fails in the middle of its transaction: others refer to the record.
    query: 'mutation ($id: ID!) { purgeAccount(input: { id: $id }) { userErrors { code } } }',
    variables: (own) => ({ id: first(own, 'Account') }),
    expects: ({ text }) => text.includes('"CONFLICT"'),
  },
  {
    query:
      'query ($text: String) { products(first: 2, filter: { name: { contains: $text } }) { totalCount nodes { name } } }',
    variables: (_own, other) => ({ text: other.mark }),
    expects: ({ text }) => text.includes('"totalCount":0'),
  },
  {
    // Refused after it has written: the parent is another tenant's.
    query:
      'mutation ($input: CreateContactInput!) { createContact(input: $input) { contact { id } userErrors { code } } }',
    variables: (own, other, turn) => ({
      input: {
        lastName: own.mark,
        accountId: turn % 2 === 0 ? first(other, 'Account') : randomIdLike(first(own, 'Account')),
      },
    }),
    expects: ({ text }) => text.includes('"NOT_FOUND"'),
  },
  {
    query:
      'mutation ($input: UpsertProductInput!) { upsertProduct(input: $input) { product { name } userErrors { code } } }',
    variables: (own, _other, turn) => ({
      input: { externalId: `${own.mark} again`, name: `${own.mark} ${turn}` },
    }),
    expects: ({ text }, { mark }) => text.includes(`"name":"${mark}`),
  },
];

describe('two tenants on the same connections', () => {
  let world: World;
  let tenants: Readonly<Record<'alpha' | 'beta', MarkedTenant>>;
  beforeAll(async () => {
    const [made, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
    world = made;
    await change({ poolMax: CONNECTIONS });
    const [alpha, beta] = await Promise.all([
      markTenant(world, schema, 'alpha'),
      markTenant(world, schema, 'beta'),
    ]);
    tenants = { alpha, beta };
  });
  afterAll(() => world.close());

  const change = async (row: { poolMax?: number; namedStatements?: boolean }): Promise<void> => {
    const { registry, directory } = world.application.tenancy;
    const dataSource = await registry.findDataSourceByName('shared');
    await registry.updateDataSource(dataSource?.id ?? '', row);
    directory.invalidate('data_sources', dataSource?.id ?? '');
  };

  const run = async (requests: number): Promise<string[]> => {
    const turns = Array.from({ length: requests }, (_, turn) => turn);
    const faults: string[] = [];
    await mapAtOnce(
      turns,
      async (turn) => {
        const name = turn % 2 === 0 ? 'alpha' : 'beta';
        const own = tenants[name];
        const other = tenants[name === 'alpha' ? 'beta' : 'alpha'];
        const step = STEPS[(turn >> 1) % STEPS.length] as Step; // within bounds
        const answer = await world.query({ tenant: name }, step.query, {
          ...step.variables(own, other, turn),
        });
        const foreign = other.foundIn(answer.text);
        if (foreign !== undefined) faults.push(`${name} was shown ${foreign}: ${answer.text}`);
        if (!unharmed(answer) || !step.expects(answer, own))
          faults.push(`${name} asked ${step.query} and got ${answer.status} ${answer.text}`);
      },
      AT_ONCE,
    );
    return faults.slice(0, 10);
  };

  it('are never shown anything of each other in 5,000 requests, and none fails', async () => {
    expect(await run(5000)).toEqual([]);
    const [pool] = world.application.tenancy.pools
      .stats()
      .filter(({ dataSource }) => dataSource === 'shared');
    expect(pool?.open).toBeLessThanOrEqual(CONNECTIONS);
  });

  it('are never shown anything of each other without prepared statements either, as behind a pooler', async () => {
    await change({ namedStatements: false });
    expect(await run(1000)).toEqual([]);
  });
});
