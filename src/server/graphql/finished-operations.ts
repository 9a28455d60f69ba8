/**
 * Operations with their root fields that can finish themselves in the place of those that are executed.
 *
 * To the compiler such a field is a value: the schema it sees has a twin of each, of a scalar type. No
 * client can name it, for the schema that documents are validated against has no such field.
 */
import {
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  isNonNullType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLFieldConfigMap,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';
import { extensionsOf } from '../../graphql/extensions';
import { finishedNode } from '../../graphql/finished-field';

const FINISHED = new GraphQLScalarType({ name: 'FinishedJson', serialize: (value) => value });
const PREFIX = 'finished_';

/** @returns the schema for operations that `withFinishedFields` has changed. */
export function schemaWithTwins(schema: GraphQLSchema): GraphQLSchema {
  const query = schema.getQueryType();
  if (!query) return schema;
  const config = query.toConfig();
  const twins: GraphQLFieldConfigMap<unknown, unknown> = {};
  for (const [name, field] of Object.entries(config.fields)) {
    if (extensionsOf({ extensions: field.extensions ?? {} }).finish === undefined) continue;
    const type = isNonNullType(field.type) ? new GraphQLNonNull(FINISHED) : FINISHED;
    twins[`${PREFIX}${name}`] = { ...field, type };
  }
  const withTwins = new GraphQLObjectType({ ...config, fields: { ...config.fields, ...twins } });
  return Object.assign(Object.create(schema) as GraphQLSchema, {
    getQueryType: () => withTwins,
    getRootType: (operation: OperationTypeNode) =>
      operation === OperationTypeNode.QUERY ? withTwins : schema.getRootType(operation),
  });
}

export interface FinishedOperation {
  readonly operation: OperationDefinitionNode;
  /** How many statements all of it takes; absent when something of it is executed. */
  readonly statements?: number;
}

/** @returns undefined when none of its fields finishes. */
export function withFinishedFields(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): FinishedOperation | undefined {
  const { selections } = operation.selectionSet;
  if (operation.operation !== OperationTypeNode.QUERY || !areApart(selections)) return undefined;
  const fields = schema.getQueryType()?.getFields() ?? {};
  const fragments = fragmentsOf(document);
  let statements = 0;
  let executed = 0;
  const changed = selections.map((selection): SelectionNode => {
    if (selection.kind !== Kind.FIELD || selection.name.value === '__typename') return selection;
    const name = selection.name.value;
    const field = fields[name];
    const finished = field && extensionsOf(field).finish?.({ schema, fragments, node: selection });
    if (finished === undefined) {
      executed += 1;
      return selection;
    }
    statements += finished.statements;
    return finishedNode(selection, `${PREFIX}${name}`, finished.finish);
  });
  if (statements === 0) return undefined;
  return {
    operation: { ...operation, selectionSet: { ...operation.selectionSet, selections: changed } },
    ...(executed === 0 ? { statements } : {}),
  };
}

/**
 * Whether each root field stands alone: nothing is merged into it, it is asked for once (loaders read
 * what is asked for many times in one statement), and none shows the schema.
 */
function areApart(selections: readonly SelectionNode[]): boolean {
  const names = new Set<string>();
  return (
    selections.every((selection) => {
      if (selection.kind !== Kind.FIELD || (selection.directives ?? []).length > 0) return false;
      const name = selection.name.value;
      names.add(name);
      return name === '__typename' || !name.startsWith('__');
    }) && names.size === selections.length
  );
}

function fragmentsOf({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}
