import { getNamedType, isLeafType, isObjectType, type GraphQLField } from 'graphql';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { toSnakeCase, type Field } from '../../src/crm/kind/fields';
import type { Kind } from '../../src/crm/kind/kind';
import { kinds } from '../../src/crm/kinds';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
  await populate();
  // What only the system writes would otherwise be null everywhere.
  await world.sql(
    world.tenants.alpha.database,
    `update cloister.communications set contact_match = 'matched'`,
  );
});
afterAll(() => world.close());

const MOMENT = '2030-05-01T10:00:00.000Z';
const ADDRESS = { street: 'A 1', city: 'B', region: 'C', postalCode: 'D', countryCode: 'AT' };

/** A value that the field takes. */
function valueOf({ type, min, values = [] }: Field, unique: string): unknown {
  switch (type) {
    case 'text':
      return `text ${unique}`;
    case 'email':
      return `${unique}@alpha.test`;
    case 'phone':
      return '+43123456';
    case 'url':
      return 'https://example.test/';
    case 'integer':
      return (min ?? 0) + 5;
    case 'decimal':
      return '5';
    case 'boolean':
      return true;
    case 'date':
      return '2030-05-01';
    case 'dateTime':
      return MOMENT;
    case 'enum':
      return values[0]?.toUpperCase();
    case 'money':
      return { amount: '12.5', currencyCode: 'EUR' };
    case 'address':
      return ADDRESS;
    case 'json':
      return [{ url: 'https://example.test/a.png', contentType: 'image/png' }];
  }
}

/** Two records of each kind with all their fields, the second beneath the first, and a deleted third. */
async function populate(): Promise<void> {
  const latest = new Map<string, string>();
  for (const kind of kinds.kinds) {
    for (const number of [1, 2, 3]) {
      const input: Json = { externalId: `${kind.name} ${number}` };
      for (const [name, field] of Object.entries(kind.fields)) {
        if (field.computed !== undefined || field.readOnly === true || field.inputOnly === true)
          continue;
        input[name] = valueOf(field, `${kind.idPrefix}${number}`);
      }
      for (const { kind: parent, idField } of kind.parents) {
        const id = latest.get(parent);
        if (id !== undefined) input[idField] = id;
      }
      const { id } = await api.create(kind.name, input);
      if (number < 3) latest.set(kind.name, id);
      else await api.mutate(`delete${kind.name}`, { id });
    }
  }
}

/** Every field of a kind's record with all that it is made of, as it is asked for. */
async function fieldsOf(kind: Kind): Promise<ReadonlyMap<string, string>> {
  const type = (await buildCrmSchema()).getType(kind.name);
  if (!isObjectType(type)) throw new Error(`Expected a type ${kind.name}.`);
  return new Map(Object.values(type.getFields()).map((field) => [field.name, selectionOf(field)]));
}

function selectionOf({ name, type }: GraphQLField<unknown, unknown>): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return name;
  if (!isObjectType(named)) throw new Error(`Expected ${name} to be of an object type.`);
  if (named.name.endsWith('Connection')) return `${name} { totalCount nodes { id } }`;
  if (kinds.kinds.some((kind) => kind.name === named.name)) return `${name} { id }`;
  return `${name} { ${Object.keys(named.getFields()).join(' ')} }`;
}

const everyKind = kinds.kinds.map((kind): [string, Kind] => [kind.name, kind]);

/** The columns of records, not of cursors, in the first statement on the kind's table. */
function columnsRead(kind: Kind): string[] {
  const text = world.statements.find((each) =>
    each.text.includes(`from cloister.${kind.table} t`),
  )?.text;
  // The last: what hangs beneath the records is read in front of them, of the same table maybe.
  const lists = text?.matchAll(
    new RegExp(`select (t\\.[^()]*?)\\s+from cloister\\.${kind.table} t\\s`, 'g'),
  );
  const list = [...(lists ?? [])].at(-1)?.[1];
  return list?.split(', ').filter((column) => !column.includes('"__k')) ?? [];
}

/** How many columns a field needs beside the id. */
function ownColumns(kind: Kind, name: string): number {
  const needsTheIdAlone =
    name === 'id' || kinds.children(kind).some((relation) => relation.name === name);
  if (needsTheIdAlone) return 0;
  return kind.fields[name]?.type === 'money' ? 2 : 1;
}

describe.each(everyKind)('a field of %s asked for alone', (_name, kind) => {
  const ALL = '(first: 50, includeDeleted: true, orderBy: [{ field: ID, direction: ASC }])';
  type Records = readonly Readonly<Record<string, unknown>>[];

  async function page(selection: string): Promise<Records> {
    const data = await api.ask<Record<string, { nodes: Records }>>(
      `{ ${kind.plural}${ALL} { nodes { ${selection} } } }`,
    );
    return data[kind.plural]?.nodes ?? [];
  }

  it('is on a page what it is among all the others', async () => {
    const fields = await fieldsOf(kind);
    const full = await page([...fields.values()].join(' '));
    expect(full.length).toBeGreaterThanOrEqual(3);
    for (const [name, selection] of fields) {
      // A value that is null everywhere would prove nothing.
      expect([name, full.filter((record) => record[name] !== null)]).not.toEqual([name, []]);
      expect(await page(selection)).toEqual(full.map((record) => ({ [name]: record[name] })));
    }
  });

  it('is on a record found by its id what it is among all the others', async () => {
    const fields = await fieldsOf(kind);
    const [full] = (await page([...fields.values()].join(' '))).filter(
      ({ externalId }) => externalId === `${kind.name} 2`,
    );
    for (const [name, selection] of fields) {
      const data = await api.ask(
        `query ($id: ID!) { ${kind.singular}(id: $id) { ${selection} } }`,
        { id: full?.['id'] },
      );
      expect(data).toEqual({ [kind.singular]: { [name]: full?.[name] } });
    }
  });

  it('brings its own columns and the id’s, and no others', async () => {
    for (const [name, selection] of await fieldsOf(kind)) {
      world.forgetStatements();
      await page(selection);
      const columns = columnsRead(kind);
      expect(columns[0]).toBe('t.id as "id"');
      expect([name, columns.length]).toEqual([name, 1 + ownColumns(kind, name)]);
    }
  });
});

describe('a parent of a record', () => {
  const references = kinds.kinds.flatMap((child) =>
    child.parents.map((parent): [string, Kind, string, Kind] => [
      `${child.name}.${parent.name}`,
      child,
      parent.name,
      kinds.get(parent.kind),
    ]),
  );

  it.each(references)(
    'shows as %s each field as it does all',
    async (_name, child, name, parent) => {
      const ask = async (selection: string): Promise<readonly Json[]> => {
        const data = await api.ask<Record<string, { nodes: readonly Record<string, Json>[] }>>(
          `{ ${child.plural}(filter: { externalId: { eq: "${child.name} 2" } }) { nodes { ${name} { ${selection} } } } }`,
        );
        return (data[child.plural]?.nodes ?? []).map((node) => node[name] ?? {});
      };
      const fields = [...(await fieldsOf(parent))].filter(
        ([field]) => parent.fields[field] !== undefined,
      );
      const [full] = await ask(fields.map(([, selection]) => selection).join(' '));
      expect(Object.keys(full ?? {})).toHaveLength(fields.length);
      for (const [field, selection] of fields) {
        expect(await ask(selection)).toEqual([{ [field]: full?.[field] }]);
      }
    },
  );
});

describe('the columns of a query', () => {
  const columnsOf = async (kind: string, query: string, variables?: Json): Promise<string[]> => {
    world.forgetStatements();
    await api.ask(query, variables);
    return columnsRead(kinds.get(kind)).map((column) => column.replace(/^t\.(\w+) as .*$/, '$1'));
  };

  it('are those of its fields through aliases, fragments, edges and directives', async () => {
    const query = `query ($no: Boolean! = false) {
      page: opportunities(first: 2, orderBy: [{ field: NAME, direction: ASC }]) {
        nodes { __typename title: name ... on Node { key: id } ...Money }
        edges { cursor node { owner { name } ...Dates } }
        pageInfo { endCursor }
      }
    }
    fragment Money on Opportunity { worth: amount { currencyCode } }
    fragment Dates on Opportunity { ... { closeDate @include(if: $no) } isWon @skip(if: $no) }`;
    const { page } = await api.ask<{ page: { nodes: Json[]; edges: { node: Json }[] } }>(query);
    expect(page.nodes[0]).toEqual({
      __typename: 'Opportunity',
      title: 'text opportunity1',
      key: expect.stringMatching(/^opportunity_/),
      worth: { currencyCode: 'EUR' },
    });
    expect(page.edges[0]?.node).toEqual({ owner: { name: 'text user2' }, isWon: false });
    expect(await columnsOf('Opportunity', query)).toEqual([
      'id',
      'name',
      'is_won',
      'amount',
      'amount_currency',
      'close_date',
      'owner_id',
    ]);
    expect(await columnsOf('User', query)).toEqual(['id', 'name']);
  });

  it('are those of its fields for the children of many parents', async () => {
    const query =
      '{ accounts { nodes { contacts { nodes { title } edges { node { email } } } } } }';
    expect(await columnsOf('Contact', query)).toEqual(['id', 'email', 'title']);
    expect(await columnsOf('Account', query)).toEqual(['id']);
  });

  it('differ where one record is shown in two places, each with its own', async () => {
    const { accounts } = await api.ask<{ accounts: { nodes: Json[] } }>(
      `{ accounts(filter: { externalId: { eq: "Account 2" } }) { nodes {
        owner { name }
        parent { owner { email } }
        contacts { nodes { owner { role phone } } }
      } } }`,
    );
    const owner = { role: 'READER', phone: '+43123456' };
    expect(accounts.nodes).toEqual([
      {
        owner: { name: 'text user2' },
        parent: { owner: { email: 'user2@alpha.test' } },
        contacts: { nodes: [{ owner }, { owner }] },
      },
    ]);
  });

  it('are all of them for a record of unknown kind', async () => {
    const { accounts } = await api.ask<{ accounts: { nodes: { id: string }[] } }>(
      '{ accounts { nodes { id } } }',
    );
    const columns = await columnsOf('Account', 'query ($id: ID!) { node(id: $id) { id } }', {
      id: accounts.nodes[0]?.id,
    });
    const own = Object.keys(kinds.get('Account').fields).map(toSnakeCase);
    expect(columns).toEqual(expect.arrayContaining(own));
  });
});
