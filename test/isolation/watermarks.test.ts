/**
 * Every text of the other tenants carries a mark. Whatever alpha asks, in whatever words of theirs,
 * no answer to alpha holds a mark, an id of theirs or a sign that a value is known elsewhere.
 */
import { getNamedType, isEnumType, isInputObjectType, type GraphQLSchema } from 'graphql';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { sampleOf, type SampleSource } from '../support/isolation-inputs';
import { placesOf, rootFields, type InputPlace } from '../support/isolation-places';
import {
  chunksOf,
  isConnection,
  PROBES_PER_DOCUMENT,
  recordOf,
  recordSelections,
  requestsOf,
  type GraphqlRequest,
} from '../support/isolation-requests';
import { askAs, mapAtOnce } from '../support/isolation-run';
import {
  checksumsOf,
  kindNames,
  markTenant,
  randomIdLike,
  recordField,
  tenantTables,
  type MarkedTenant,
} from '../support/watermark';
import { createWorld, type Answer, type TenantName, type World } from '../support/world';

const OTHERS = ['beta', 'gamma', 'delta'] as const satisfies readonly TenantName[];

/** Columns that a tenant's user cannot put words into. */
const WORDLESS = [
  'users.password_hash',
  'user_sessions.ip',
  'user_sessions.revoked_reason',
  'change_log.before', // no record of this test is changed
  'change_log.request_id',
  'change_log.table_name',
];

/** Comparisons that find the record whose value they are given. */
const FINDING = ['eq', 'in', 'contains', 'startsWith', 'endsWith'];

describe('the texts of another tenant', () => {
  let world: World;
  let schema: GraphQLSchema;
  let alpha: MarkedTenant;
  let others: readonly MarkedTenant[];
  /** What each tenant sees of its first record, by kind. */
  const firstRecords = new Map<TenantName, Record<string, Record<string, unknown>>>();
  beforeAll(async () => {
    [world, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
    const marked = await Promise.all(
      (['alpha', ...OTHERS] as const).map((name) => markTenant(world, schema, name)),
    );
    [alpha, ...others] = marked as [MarkedTenant, ...MarkedTenant[]];
    for (const tenant of others) firstRecords.set(tenant.name, await readFirstRecords(tenant));
  });
  afterAll(() => world.close());

  const other = (name: TenantName): MarkedTenant =>
    others.find((each) => each.name === name) as MarkedTenant; // all are marked
  const ask = (request: GraphqlRequest): Promise<Answer> => askAs(world, 'alpha', others, request);
  const connections = () => rootFields(schema, 'query').filter(isConnection);

  async function readFirstRecords(
    tenant: MarkedTenant,
  ): Promise<Record<string, Record<string, unknown>>> {
    const entries = kindNames(schema).map(async (kind) => {
      const type = schema.getType(kind);
      const [own = ''] = recordSelections(type as never);
      const { data } = await world.query<{ node: Record<string, unknown> }>(
        { tenant: tenant.name },
        `query ($id: ID!) { node(id: $id) { ... on ${kind} ${own} } }`,
        { id: tenant.records[kind]?.[0] },
      );
      return [kind, data.node] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  const unchanged = async (work: () => Promise<void>): Promise<void> => {
    const sums = () => Promise.all(OTHERS.map((name) => checksumsOf(world, name)));
    const before = await sums();
    await work();
    expect(await sums()).toEqual(before);
  };

  it.each(OTHERS)('stand in every column of %s that takes words', async (name) => {
    const { database, localTenantId } = world.tenants[name];
    const columns = await world.sql<{ table: string; column: string }>(
      database,
      `select c.relname::text as "table", a.attname::text as "column" from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relnamespace = 'cloister'::regnamespace and c.relname = any($1) and a.atttypid::regtype::text in ('text', 'jsonb', 'character varying')
         and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey)
           and pg_get_constraintdef(k.oid) ~ '(ANY \\(|~ ''\\^)')
       order by 1, 2`,
      [await tenantTables(world, database)],
    );
    const searches = columns.map(
      ({ table, column }) =>
        `select '${table}.${column}' as name where not exists (select from cloister.${table} where tenant_id = $1
         and (strpos(${column}::text, $2) > 0 or strpos(${column}::text, $3) > 0))`,
    );
    const marks = [localTenantId, other(name).mark, other(name).phoneMark];
    const unmarked = (
      await world.sql<{ name: string }>(database, searches.join(' union all '), marks)
    ).map((row) => row.name);
    expect(
      unmarked.filter((column) => !WORDLESS.includes(column) && !column.endsWith('_currency')),
    ).toEqual([]);
    expect(columns.length).toBeGreaterThan(60);
  });

  it('are in no list, whatever the record and whatever the relations beneath it', async () => {
    await unchanged(async () => {
      const requests = connections().flatMap((field) =>
        recordSelections(recordOf(field)).map((selection) => ({
          query: `{ a0: ${field.name}(first: 10, includeDeleted: true) { totalCount pageInfo { startCursor endCursor hasNextPage hasPreviousPage } edges { cursor } nodes ${selection} } }`,
          variables: {},
        })),
      );
      await mapAtOnce(requests, async (request) => {
        const { errors, text } = await ask(request);
        expect(errors).toEqual([]);
        expect(alpha.foundIn(text)).toBeDefined();
      });
      expect(requests.length).toBeGreaterThan(40);
    });
  });

  describe.each(OTHERS)('of %s', (name) => {
    /** The other tenant's own value at a place, or undefined where there is none. */
    const valueOf = (place: InputPlace): string | undefined => {
      const kind = /^(\w+)Filter$/.exec(getNamedType(place.argument.type).name)?.[1];
      if (kind === undefined) return other(name).mark;
      const fields = place.path.slice(0, -1);
      let value: unknown = firstRecords.get(name)?.[kind];
      for (const field of fields)
        value = (value as Record<string, unknown> | null | undefined)?.[field.name];
      return typeof value === 'string' ? value : undefined;
    };
    const operatorOf = ({ path, argument }: InputPlace): string => (path.at(-1) ?? argument).name;
    const listed = (place: InputPlace, value: string): unknown =>
      ['in', 'notIn'].includes(operatorOf(place)) ? [value] : value;

    it('find nothing in any filter, and are not told from words that nobody uses', async () => {
      await unchanged(async () => {
        const places = placesOf(schema, 'String', 1).filter(
          (place) =>
            place.operation === 'query' &&
            place.fields.length === 1 &&
            place.path.length > 0 &&
            valueOf(place) !== undefined,
        );
        const probes = (value: (place: InputPlace) => string) =>
          requestsOf(
            places.map((place) => ({ place, value: listed(place, value(place)) })),
            alpha.source,
          );
        const theirs = probes((place) => valueOf(place) ?? '');
        const nobodys = probes(() => 'nobody uses these words');
        const chunks = chunksOf(places, PROBES_PER_DOCUMENT);
        await mapAtOnce(theirs, async (request, index) => {
          const answer = await ask(request);
          const control = await ask(nobodys[index] as GraphqlRequest); // equally many
          expect(answer.text).toBe(control.text);
          const own = await world.query<Record<string, { totalCount: number }>>(
            { tenant: name },
            request.query,
            request.variables,
          );
          for (const [number, place] of (chunks[index] ?? []).entries()) {
            // What finds nothing of alpha's does find the other tenant's own.
            if (FINDING.includes(operatorOf(place)))
              expect(own.data[`a${number}`]?.totalCount).toBeGreaterThan(0);
          }
        });
        expect(places.length).toBeGreaterThan(400);
      });
    });

    it('are in no ordering, either way', async () => {
      const orderings = connections().flatMap((field) => {
        const argument = field.args.find(({ name: argumentName }) => argumentName === 'orderBy');
        const order = argument === undefined ? undefined : getNamedType(argument.type);
        const by = isInputObjectType(order)
          ? getNamedType(order.getFields()['field']?.type)
          : undefined;
        if (!isEnumType(by))
          throw new Error(`Expected ${field.name} to be ordered by an enumeration.`);
        return by
          .getValues()
          .flatMap((value) =>
            ['ASC', 'DESC'].map(
              (direction) =>
                `${field.name}(first: 20, orderBy: [{ field: ${value.name}, direction: ${direction} }]) { totalCount edges { cursor node { id } } }`,
            ),
          );
      });
      await mapAtOnce(chunksOf(orderings, 10), async (chunk) => {
        const query = `{ ${chunk.map((text, index) => `a${index}: ${text}`).join(' ')} }`;
        const answer = await ask({ query, variables: {} });
        expect(answer.errors).toEqual([]);
        expect(alpha.foundIn(answer.text)).toBeDefined();
      });
      expect(orderings.length).toBeGreaterThan(100);
    });

    it('have cursors that are as good as made up', async () => {
      const made = 'bm9ib2R5IG1hZGUgdGhpcw';
      await mapAtOnce(connections(), async ({ name: list }) => {
        const page = `{ pageInfo { endCursor } nodes { id } }`;
        const { data } = await world.query<Record<string, { pageInfo: { endCursor: string } }>>(
          { tenant: name },
          `{ ${list}(first: 1) ${page} }`,
        );
        for (const direction of ['first: 5, after', 'last: 5, before']) {
          const query = `query ($cursor: String) { ${list}(${direction}: $cursor) ${page} }`;
          const theirs = await ask({
            query,
            variables: { cursor: data[list]?.pageInfo.endCursor },
          });
          const nobodys = await ask({ query, variables: { cursor: made } });
          expect(theirs.text).toBe(nobodys.text);
          expect(theirs.errors.map(({ extensions }) => extensions.code)).toEqual([
            'BAD_USER_INPUT',
          ]);
        }
      });
    });

    it('are found by no search, whole or in part, and are not told from words that nobody uses', async () => {
      const searches = (words: string) =>
        `{ search(query: ${JSON.stringify(words)}, first: 50) { kind rank matchedField matchedText record { __typename id } } }`;
      const { mark, phoneMark } = other(name);
      const nobodys = [...mark].reverse().join(''); // equally long, and like none
      for (const [theirs, control] of [
        [mark, nobodys],
        [mark.slice(0, 8), nobodys.slice(0, 8)],
        [`${mark}-1@${mark}.test`, `${nobodys}-1@${nobodys}.test`],
        [`${mark} lastName`, `${nobodys} lastName`],
        [phoneMark, '+99' + phoneMark.slice(3)],
      ] as const) {
        const answer = await ask({ query: searches(theirs), variables: {} });
        expect(answer.errors).toEqual([]);
        // Alpha's own may be like the words: whatever is found is alpha's.
        const { data } = await world.query<{ search: { record: { id: string } }[] }>(
          { tenant: 'alpha' },
          searches(theirs),
        );
        for (const { record } of data.search) expect(alpha.foundIn(record.id)).toBeDefined();
        if (data.search.length === 0) {
          expect(answer.text).toBe((await ask({ query: searches(control), variables: {} })).text);
        }
        const own = await world.query<{ search: unknown[] }>({ tenant: name }, searches(theirs));
        expect(own.data.search.length).toBeGreaterThan(0);
      }
    });

    it('have ids that nodes does not find', async () => {
      const ids = [
        ...Object.values(other(name).records).flat(),
        ...Object.values(other(name).deleted),
      ];
      const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
      const theirs = await ask({ query, variables: { ids } });
      const nobodys = await ask({ query, variables: { ids: ids.map(randomIdLike) } });
      expect(theirs.text).toBe(nobodys.text);
      expect(theirs.data['nodes']).toEqual(ids.map(() => null));
    });

    it('can be used again, even where they are unique, and the other tenant’s records stay as they are', async () => {
      // Alpha's records now hold these words as well, so the tenant is known by its ids alone.
      const words = (kind: string): SampleSource => {
        const record = firstRecords.get(name)?.[kind] ?? {};
        const word = (field: string): string =>
          typeof record[field] === 'string' ? record[field] : `${kind} ${field}`;
        return {
          ...alpha.source,
          text: (field) => (field === 'password' ? alpha.source.text(field) : word(field)),
          email: () => word('email'),
        };
      };
      await unchanged(async () => {
        for (const operation of ['upsert', 'create']) {
          for (const kind of kindNames(schema)) {
            const argument = rootFields(schema, 'mutation').find(
              (field) => field.name === `${operation}${kind}`,
            )?.args[0];
            if (argument === undefined) throw new Error(`Expected a mutation ${operation}${kind}.`);
            const input = sampleOf(argument.type, argument.name, words(kind), { full: true });
            const record = recordField(kind);
            const { data, text } = await world.query<
              Record<string, Record<string, { id: string } | null>>
            >(
              { tenant: 'alpha' },
              `mutation ($input: ${String(argument.type)}) { made: ${operation}${kind}(input: $input) { ${record} { id version } userErrors { field message code } } }`,
              { input },
            );
            const id = data['made']?.[record]?.id ?? '';
            expect(text).not.toContain(firstRecords.get(name)?.[kind]?.['id']);
            expect(text).toContain('"version":1},"userErrors":[]');
            // Out of the way of the same words once more.
            const purge = `mutation ($id: ID!) { purge${kind}(input: { id: $id }) { userErrors { message } } }`;
            expect((await world.query({ tenant: 'alpha' }, purge, { id })).text).toContain(
              '"userErrors":[]',
            );
          }
        }
      });
    });
  });
});
