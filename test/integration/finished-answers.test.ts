/**
 * An operation is interpreted when it is sent for the first time and compiled from the second on; root
 * fields then write their answers themselves. Both ways the answer is the same.
 */
import {
  getNamedType,
  isEnumType,
  isObjectType,
  isScalarType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { kinds } from '../../src/crm/kinds';
import type { Kind } from '../../src/crm/kind/kind';
import { sampleOf } from '../support/isolation-inputs';
import { apiOf } from '../support/api';
import { createWorld, type World } from '../support/world';

/** What JSON has to escape, what it has not, and what looks like a mark of ours. */
const TEXTS = [
  'id#A":"018f2c5e-7a3b-7c4d-8e9f-0a1b2c3d4e5f #!":"?',
  'plain',
  'say "hi" \\ it',
  'line\nbreak\ttab',
  'Ünï 😀 \u2028',
  '\u0001 </script>',
];

let world: World;
let schema: GraphQLSchema;
const made = new Map<string, string>();

beforeAll(async () => {
  [world, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
  // Twice: once with what is required alone, whose other fields are null.
  for (const full of [true, false, true]) for (const kind of kinds.kinds) await create(kind, full);
  const tweaks = [
    `update cloister.accounts set annual_revenue = 1500.5000, annual_revenue_currency = 'EUR', founded_year = 1900
     where annual_revenue is null`,
    `update cloister.opportunities set created_at = '2026-01-01 00:00:00+00', amount = 7, amount_currency = 'USD'`,
    `update cloister.events set starts_at = '2031-05-06 07:08:09.01+00'`,
  ];
  for (const text of tweaks) await world.sql(world.tenants.alpha.database, text);
});
afterAll(() => world.close());

async function create(kind: Kind, full: boolean): Promise<void> {
  const type = schema.getMutationType()?.getFields()[`create${kind.name}`]?.args[0]?.type;
  if (type === undefined) throw new Error(`There is no mutation create${kind.name}.`);
  let number = made.size;
  const next = () => `${kind.singular}${full ? 'f' : 'm'}${made.size}x${(number += 1)}`;
  const source = {
    text: (field: string) =>
      /country/i.test(field) ? 'DE' : `${TEXTS[number % TEXTS.length] ?? ''} ${next()}`,
    email: () => `${next()}@finished.test`,
    phone: () => `+49301${String((number += 1)).padStart(6, '0')}`,
    url: () => `https://finished.test/${next()}?a="b"`,
    recordId: (name: string) => made.get(name),
  };
  const input = sampleOf(type, 'input', source, { full }) as Record<string, unknown>;
  const { id } = await apiOf(world).create<{ id: string }>(kind.name, input, 'id');
  made.set(kind.name, id);
}

const typeOf = (name: string): GraphQLObjectType => {
  const type = schema.getType(name);
  if (!isObjectType(type)) throw new Error(`There is no type ${name}.`);
  return type;
};

/** All values of a record, those of its parts included. */
const valuesOf = (type: GraphQLObjectType): string =>
  [
    '__typename',
    ...Object.values(type.getFields()).flatMap((field) => {
      const named = getNamedType(field.type);
      if (field.args.length > 0) return [];
      if (isScalarType(named) || isEnumType(named)) return [field.name];
      const isPart = named.name === 'Money' || named.name === 'Address';
      return isPart && isObjectType(named) ? [`${field.name} { ${valuesOf(named)} }`] : [];
    }),
  ].join(' ');

const relationsOf = (kind: Kind, records: (name: string) => string): string[] => [
  ...kind.parents.map((parent) => `${parent.name} { ${records(parent.kind)} }`),
  ...kinds
    .children(kind)
    .map(({ name, child }) => `${name}(first: 2) { nodes { ${records(child.name)} } __typename }`),
];

const values = (name: string): string => valuesOf(typeOf(name));
/** Values, and those of all that hangs beneath. */
const tree = (name: string): string =>
  [values(name), ...relationsOf(kinds.get(name), values)].join(' ');

/** Postgres has spaces in the JSON that it stores. */
const withoutSpace = (json: string): string => JSON.stringify(JSON.parse(json));

interface Compared {
  readonly text: string;
  readonly statements: number;
}

/** Sends the document until it is compiled, and again. */
async function compare(document: string, variables?: Record<string, unknown>): Promise<Compared> {
  const texts: string[] = [];
  for (let use = 1; use <= 4; use += 1) {
    world.forgetStatements();
    const answer = await world.query({ tenant: 'alpha', role: 'admin' }, document, variables);
    texts.push(answer.text);
  }
  const [interpreted = '', ...compiled] = texts;
  for (const text of compiled) expect(withoutSpace(text)).toBe(withoutSpace(interpreted));
  const statements = world.statements.filter(({ text }) => !text.includes('user_sessions'));
  return { text: interpreted, statements: statements.length };
}

describe.each(kinds.kinds.map((kind) => [kind.name, kind] as const))('%s', (_name, kind) => {
  it('shows every value of a record by its id, in one statement', async () => {
    const { text, statements } = await compare(
      `query ($id: ID!) { shown: ${kind.singular}(id: $id) { ${values(kind.name)} } }`,
      { id: made.get(kind.name) },
    );
    expect(text).toContain(`"__typename":"${kind.name}"`);
    expect(statements).toBe(1);
  });

  it('shows what hangs beneath a record, in one statement', async () => {
    const { text, statements } = await compare(
      `query ($id: ID!) { ${kind.singular}(id: $id) { ${tree(kind.name)} } }`,
      { id: made.get(kind.name) },
    );
    expect(text).not.toContain('"errors"');
    expect(statements).toBe(1);
  });

  it('shows a page, its edges, its ends and its count', async () => {
    const { text, statements } = await compare(`{
      __typename
      ${kind.plural}(first: 2) {
        __typename totalCount
        edges { __typename cursor node { id ${relationsOf(kind, values).join(' ')} } }
        pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor }
        all: nodes { ${values(kind.name)} }
      }
    }`);
    expect(text).toContain('"hasNextPage":');
    expect(statements).toBe(1);
  });
});

describe('what is asked in other ways', () => {
  it('pages on with variables, forwards and backwards', async () => {
    const document = `query ($first: Int, $after: String, $last: Int, $before: String, $inner: Int) {
      contacts(first: $first, after: $after, last: $last, before: $before,
               orderBy: [{ field: ACCOUNT_NAME, direction: ASC }, { field: LAST_NAME, direction: DESC }]) {
        edges { cursor node { ...Shown } }
        pageInfo { hasNextPage hasPreviousPage endCursor }
      }
    }
    fragment Shown on Contact { ... on Node { id } key: lastName account { id contacts(first: $inner) { edges { node { id } } } } }`;
    const page = async (given: Record<string, unknown>) => {
      const { text } = await compare(document, { inner: 1, ...given });
      const { data } = JSON.parse(text) as {
        data: { contacts: { pageInfo: { endCursor: string; hasNextPage: boolean } } };
      };
      return data.contacts.pageInfo;
    };
    const first = await page({ first: 1 });
    expect(first.hasNextPage).toBe(true);
    const second = await page({ first: 1, after: first.endCursor });
    expect(second.endCursor).not.toBe(first.endCursor);
    await page({ last: 1, before: second.endCursor });
  });

  it('counts all of what a page is taken from, also where the page is empty', async () => {
    const document = `query ($first: Int, $after: String, $name: String!) {
      contacts(first: $first, after: $after, filter: { lastName: { contains: $name } },
               orderBy: [{ field: LAST_NAME, direction: ASC }]) {
        totalCount nodes { lastName } edges { cursor } pageInfo { hasNextPage endCursor }
      }
    }`;
    interface Page {
      readonly totalCount: number;
      readonly pageInfo: { readonly endCursor: string | null };
    }
    const page = async (given: Record<string, unknown>) => {
      const { text, statements } = await compare(document, { name: '', ...given });
      return { ...(JSON.parse(text) as { data: { contacts: Page } }).data.contacts, statements };
    };
    const whole = await page({ first: 50 });
    expect(whole).toMatchObject({ totalCount: 3, statements: 1 });
    expect(await page({ first: 2 })).toMatchObject({ totalCount: 3, statements: 1 });
    const { endCursor } = whole.pageInfo;
    expect(await page({ first: 2, after: endCursor })).toMatchObject({ totalCount: 3, nodes: [] });
    const nobody = await page({ first: 2, name: 'nobody is called so' });
    expect(nobody).toMatchObject({ totalCount: 0, nodes: [], statements: 1 });
  });

  it('counts where nothing else of a page is asked for', async () => {
    const count = async (document: string, variables?: Record<string, unknown>) => {
      const { text, statements } = await compare(document, variables);
      expect(statements).toBe(1);
      return (JSON.parse(text) as { data: unknown }).data;
    };
    expect(await count('{ contacts { totalCount } }')).toEqual({ contacts: { totalCount: 3 } });
    expect(await count('{ contacts(first: 1) { all: totalCount } }')).toEqual({
      contacts: { all: 3 },
    });
    const named =
      'query ($id: ID) { contacts(first: 1, filter: { id: { eq: $id } }) { __typename totalCount } }';
    const alone = { contacts: { __typename: 'ContactConnection', totalCount: 1 } };
    expect(await count(named, { id: made.get('Contact') })).toEqual(alone);
    const nobody = { contacts: { __typename: 'ContactConnection', totalCount: 0 } };
    expect(await count(named, { id: 'contact_01h2xcejqtf2nbrexx3vqjhp41' })).toEqual(nobody);
  });

  it('filters what hangs beneath by variables', async () => {
    const document = `query ($name: String!, $id: ID) {
      accounts(first: 5, filter: { name: { contains: $name } }) {
        nodes { name contacts(first: 3, filter: { account: { id: { eq: $id } } }) { nodes { email } } }
      }
    }`;
    const found = await compare(document, { name: 'account', id: made.get('Account') });
    const other = await compare(document, { name: 'nobody is called so' });
    expect(found.text).not.toBe(other.text);
    expect(other.text).toContain('"nodes":[]');
  });

  it('is null for a record that is not there, whatever was asked for beneath it', async () => {
    const { text } = await compare(
      '{ account(id: "account_01h2xcejqtf2nbrexx3vqjhp41") { id contacts { nodes { id } } } }',
    );
    expect(text).toContain('"data":{"account":null}');
  });

  it.each([
    [
      'a condition',
      'query ($no: Boolean = false) { accounts(first: 2) { nodes { id name @include(if: $no) contacts(first: 1) { nodes { id } } } } }',
    ],
    [
      'cursors beneath',
      '{ accounts(first: 2) { nodes { id contacts(first: 1) { edges { cursor } pageInfo { endCursor } totalCount } } } }',
    ],
    [
      'the end of a list beneath',
      '{ accounts(first: 2) { nodes { id contacts(last: 2) { nodes { id } } } } }',
    ],
    [
      'what is no record',
      '{ search(query: "plain") { rank record { id } } accounts(first: 1) { nodes { id contacts { nodes { id } } } } }',
    ],
    [
      'a field twice',
      '{ one: accounts(first: 1) { nodes { id } } two: accounts(first: 2) { nodes { name } } }',
    ],
  ])('leaves %s to the resolvers', async (_what, document) => {
    const { text, statements } = await compare(document);
    expect(text).not.toContain('"errors"');
    expect(statements).toBeGreaterThan(1);
  });

  it('refuses what is refused, with the same code', async () => {
    const codes = async (document: string) => {
      const found = [];
      for (let use = 1; use <= 3; use += 1) {
        const { errors, status } = await world.query({ tenant: 'alpha' }, document);
        found.push([status, errors[0]?.extensions.code, errors[0]?.message]);
      }
      expect(found[2]).toEqual(found[0]);
      return found[0]?.[1];
    };
    expect(await codes('{ accounts(first: 0) { nodes { id } } }')).toBe('BAD_USER_INPUT');
    expect(
      await codes('{ accounts(first: 1) { nodes { contacts(first: 101) { nodes { id } } } } }'),
    ).toBe('BAD_USER_INPUT');
    expect(
      await codes('{ contacts(filter: { birthDate: { eq: "0000-01-01" } }) { nodes { id } } }'),
    ).toBe('BAD_USER_INPUT');
  });
});
