import { Field, ID, InterfaceType } from 'type-graphql';

/** Relay's global object identification. https://relay.dev/graphql/objectidentification.htm */
@InterfaceType('Node', {
  description: 'A record that can be fetched by its id alone.',
  resolveType: (value: { readonly __typename: string }) => value.__typename,
})
export abstract class Node {
  @Field(() => ID, { description: 'Globally unique id; its prefix names the type.' })
  id!: string;
}
