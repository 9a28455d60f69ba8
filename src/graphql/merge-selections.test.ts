import { buildSchema, Kind, parse, type FieldNode, type FragmentDefinitionNode } from 'graphql';
import { mergeSelections } from './merge-selections';

const schema = buildSchema(`
  interface Node { id: ID! }
  type Account implements Node { id: ID! name: String owner: User }
  type User implements Node { id: ID! name: String }
  type Query { account: Account }
`);

function merge(document: string): Record<string, number> | undefined {
  const { definitions } = parse(document);
  const fragments: Record<string, FragmentDefinitionNode> = {};
  const nodes: FieldNode[] = [];
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
    else if (definition.kind === Kind.OPERATION_DEFINITION) {
      nodes.push(...(definition.selectionSet.selections as readonly FieldNode[]));
    }
  }
  const type = schema.getType('Account') as Parameters<typeof mergeSelections>[1];
  const merged = mergeSelections({ schema, fragments }, type, nodes);
  return merged && Object.fromEntries([...merged].map(([key, found]) => [key, found.length]));
}

it('puts fields of the same key together, through fragments, in the order of their first', () => {
  const merged = merge(`{ account { name ...More owner { id } key: id } account { name } }
    fragment More on Account { owner { name } ...Again } fragment Again on Node { id }`);
  expect(merged).toEqual({ name: 2, owner: 2, id: 1, key: 1 });
  expect(Object.keys(merged ?? {})).toEqual(['name', 'owner', 'id', 'key']);
});

it('passes over fragments of other types, and takes those of interfaces', () => {
  expect(merge('{ account { ... on Node { id } ... on User { name } } }')).toEqual({ id: 1 });
});

it.each([
  ['a field', '{ account { id name @include(if: false) } }'],
  ['a spread', '{ account { id ...More @skip(if: true) } } fragment More on Account { name }'],
  ['an inline fragment', '{ account { id ... @include(if: true) { name } } }'],
])('does not know what %s with a directive comes to', (_what, document) => {
  expect(merge(document)).toBeUndefined();
});
