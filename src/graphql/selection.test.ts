import { buildSchema, graphql, type GraphQLResolveInfo } from 'graphql';
import { selectedFields, selects } from './selection';

const schema = buildSchema(`
  type Query { list: List }
  type List { pageInfo: PageInfo nodes: [String] }
  type PageInfo { hasNextPage: Boolean endCursor: String }
`);

async function asksForMore(source: string): Promise<boolean | undefined> {
  let found: boolean | undefined;
  const rootValue = {
    list(_args: unknown, _context: unknown, info: GraphQLResolveInfo) {
      found = selects(info, ['pageInfo', 'hasNextPage']);
      return {};
    },
  };
  expect((await graphql({ schema, source, rootValue })).errors).toBeUndefined();
  return found;
}

it.each([
  [true, '{ list { pageInfo { hasNextPage } } }'],
  [true, '{ list { p: pageInfo { h: hasNextPage } } }'],
  [true, '{ list { ... { pageInfo { ... on PageInfo { hasNextPage } } } } }'],
  [
    true,
    '{ list { ...F } } fragment F on List { pageInfo { ...G } } fragment G on PageInfo { hasNextPage }',
  ],
  [true, '{ list { nodes } ... { list { pageInfo { hasNextPage } } } }'],
  [true, '{ list { pageInfo { endCursor } pageInfo { hasNextPage } } }'],
  // A field that is skipped counts: it costs a little and is never wrong.
  [true, '{ list { pageInfo @skip(if: true) { hasNextPage } nodes } }'],
  [false, '{ list { nodes } }'],
  [false, '{ list { pageInfo { endCursor } } }'],
  [false, '{ list { pageInfo { hasNextPage: endCursor } } }'],
])('says %s for %s', async (expected, source) => {
  expect(await asksForMore(source)).toBe(expected);
});

async function selected(source: string, path: readonly string[]): Promise<readonly string[]> {
  let found: ReadonlySet<string> | undefined;
  const rootValue = {
    list(_args: unknown, _context: unknown, info: GraphQLResolveInfo) {
      found = selectedFields(info, path);
      return {};
    },
  };
  expect((await graphql({ schema, source, rootValue })).errors).toBeUndefined();
  return [...(found ?? [])].sort();
}

it.each([
  [[], '{ list { nodes } }'],
  [['endCursor'], '{ list { p: pageInfo { e: endCursor } } }'],
  [['endCursor', 'hasNextPage'], '{ list { pageInfo { endCursor } p: pageInfo { hasNextPage } } }'],
  [
    ['endCursor', 'hasNextPage'],
    '{ list { pageInfo { endCursor } } ... { list { pageInfo { hasNextPage } } } }',
  ],
  [
    ['__typename', 'endCursor', 'hasNextPage'],
    `{ list { ...F ... on List { pageInfo { __typename } } } }
     fragment F on List { pageInfo { ...G } nodes }
     fragment G on PageInfo { hasNextPage ... on PageInfo { endCursor } }`,
  ],
  // A field that is skipped counts: it costs a little and is never wrong.
  [['endCursor'], '{ list { pageInfo { endCursor @skip(if: true) } } }'],
  [['endCursor'], '{ list { pageInfo @include(if: false) { endCursor } } }'],
])('finds the fields %j of the page info in %s', async (expected, source) => {
  expect(await selected(source, ['pageInfo'])).toEqual(expected);
});

it('finds the fields of the field itself', async () => {
  expect(await selected('{ list { nodes ... { i: pageInfo { endCursor } } } }', [])).toEqual([
    'nodes',
    'pageInfo',
  ]);
});

it('visits a fragment once, however often others spread it', async () => {
  const chain = Array.from(
    { length: 24 },
    (_, index) => `fragment F${index} on List { ...F${index + 1} ...F${index + 1} }`,
  );
  const source = `{ list { ...F0 } } ${chain.join(' ')} fragment F24 on List { pageInfo { endCursor } }`;
  expect(await selected(source, ['pageInfo'])).toEqual(['endCursor']);
});
