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

/**
 * Names of the fields selected at the path beneath the field being resolved, through fragments and
 * whatever their type conditions; a field skipped by a directive counts as selected.
 */
export function selectedFields(
  info: GraphQLResolveInfo,
  path: readonly string[],
): ReadonlySet<string> {
  const names = new Set<string>();
  // Fragments can spread each other many times over; at one depth each names the same fields.
  const seen = new Set<string>();
  const collect = (selectionSet: SelectionSetNode | undefined, depth: number): void => {
    for (const selection of selectionSet?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.name.value;
        if (depth === path.length) names.add(name);
        else if (name === path[depth]) collect(selection.selectionSet, depth + 1);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet, depth);
      } else {
        const fragment = selection.name.value;
        const visit = `${depth} ${fragment}`;
        if (seen.has(visit)) continue;
        seen.add(visit);
        collect(info.fragments[fragment]?.selectionSet, depth);
      }
    }
  };
  for (const node of info.fieldNodes) collect(node.selectionSet, 0);
  return names;
}
