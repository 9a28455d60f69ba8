import { buildSchema, graphql, type GraphQLResolveInfo } from 'graphql';
import { selects } from './selection';

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
