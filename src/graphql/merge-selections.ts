import {
  isAbstractType,
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';

export interface DocumentScope {
  readonly schema: GraphQLSchema;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
}

/** By the key that the answer has it under. */
export type MergedSelections = ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]>;

/**
 * The fields that are selected of an object of the type, through fragments, those of the same key
 * together. https://spec.graphql.org/October2021/#CollectFields()
 * @returns undefined when something is selected on a condition: that is not known before the request.
 */
export function mergeSelections(
  { schema, fragments }: DocumentScope,
  type: GraphQLObjectType,
  nodes: readonly FieldNode[],
): MergedSelections | undefined {
  const merged = new Map<string, [FieldNode, ...FieldNode[]]>();
  const visited = new Set<string>();
  const applies = (condition: string | undefined): boolean => {
    if (condition === undefined || condition === type.name) return true;
    const named = schema.getType(condition);
    return isAbstractType(named) && schema.isSubType(named, type);
  };
  const collect = ({ selections }: SelectionSetNode): boolean =>
    selections.every((selection) => {
      if ((selection.directives ?? []).length > 0) return false;
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const known = merged.get(key);
        if (known === undefined) merged.set(key, [selection]);
        else known.push(selection);
        return true;
      }
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        return !applies(selection.typeCondition?.name.value) || collect(selection.selectionSet);
      }
      const name = selection.name.value;
      if (visited.has(name)) return true;
      visited.add(name);
      const fragment = fragments[name];
      if (fragment === undefined || (fragment.directives ?? []).length > 0) return false;
      return !applies(fragment.typeCondition.name.value) || collect(fragment.selectionSet);
    });
  const isKnown = nodes.every((node) => node.selectionSet && collect(node.selectionSet));
  return isKnown ? merged : undefined;
}
