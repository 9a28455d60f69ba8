import { Kind, type FieldNode, type GraphQLResolveInfo, type SelectionSetNode } from 'graphql';

/**
 * Whether the selection of the field being resolved contains the path, through fragments. Looks at
 * names only: a field skipped by a directive counts as selected, which costs a little and is never wrong.
 */
export function selects(info: GraphQLResolveInfo, path: readonly string[]): boolean {
  return info.fieldNodes.some((node) => containsPath(info, node.selectionSet, path));
}

function containsPath(
  info: GraphQLResolveInfo,
  selectionSet: SelectionSetNode | undefined,
  [name, ...rest]: readonly string[],
): boolean {
  if (name === undefined) return true;
  return (selectionSet?.selections ?? []).some((selection) => {
    if (selection.kind === Kind.FIELD) {
      const field: FieldNode = selection;
      return field.name.value === name && containsPath(info, field.selectionSet, rest);
    }
    const inner =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection.selectionSet
        : info.fragments[selection.name.value]?.selectionSet;
    return containsPath(info, inner, [name, ...rest]);
  });
}
