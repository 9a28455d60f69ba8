/**
 * Parts go with the whole, at the same moment, and so do their own parts; by that moment they come
 * back with it. One that is also a part of something still deleted stays away.
 */
import type { SqlRunner } from '../../database/statement';
import type { ChildRelation, Kind } from './kind';
import { runWrite } from './run-write';
import { nameShaped } from './statement-names';
import { deletePartsSql, restorePartsSql, type WriteScope } from './write-sql';

const partsOf = ({ kinds }: WriteScope, kind: Kind): readonly ChildRelation[] =>
  kinds.children(kind).filter(({ via }) => via.owned === true);

export async function deleteParts(
  tx: SqlRunner,
  scope: WriteScope,
  wholeIds: readonly string[],
): Promise<void> {
  for (const relation of partsOf(scope, scope.kind)) {
    const statement = nameShaped(deletePartsSql(scope, relation, wholeIds));
    const parts = await runWrite<{ id: string }>(tx, relation.child, statement);
    if (parts.length > 0) await deleteParts(tx, partScope(scope, relation), idsOf(parts));
  }
}

/** @param deletedAt when the wholes, and therefore their parts, were deleted. */
export async function restoreParts(
  tx: SqlRunner,
  scope: WriteScope,
  wholeIds: readonly string[],
  deletedAt: Date,
): Promise<void> {
  for (const relation of partsOf(scope, scope.kind)) {
    const inner = partScope(scope, relation);
    const statement = nameShaped(restorePartsSql(inner, relation.via, wholeIds, deletedAt));
    const parts = await runWrite<{ id: string }>(tx, relation.child, statement);
    if (parts.length > 0) await restoreParts(tx, inner, idsOf(parts), deletedAt);
  }
}

const partScope = (scope: WriteScope, { child }: ChildRelation): WriteScope => ({
  ...scope,
  kind: child,
});

const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
