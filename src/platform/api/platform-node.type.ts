import { Field, ID, InterfaceType } from 'type-graphql';

/**
 * Relay's global object identification. https://relay.dev/graphql/objectidentification.htm
 * Not the tenants' API's: type-graphql takes into a schema whatever implements an interface of it.
 */
@InterfaceType('Node', {
  description: 'A record that can be fetched by its id alone.',
  resolveType: (value: { readonly __typename: string }) => value.__typename,
})
export abstract class PlatformNode {
  @Field(() => ID, { description: 'Globally unique id; its prefix names the type.' })
  id!: string;
}
