/**
 * Parts go with the whole, at the same moment, and so do their own parts; by that moment they come
 * back with it. One that is also a part of something still deleted stays away.
 */
import type { ChildRelation } from '../kind';
import { runWrite, type Write } from './run-write';
import { deletePartsSql, restorePartsSql } from './write-sql';

const partsOf = ({ kinds, kind }: Write): readonly ChildRelation[] =>
  kinds.children(kind).filter(({ via }) => via.owned === true);

export async function deleteParts(write: Write, wholeIds: readonly string[]): Promise<void> {
  for (const { child, via } of partsOf(write)) {
    const parts = { ...write, kind: child };
    const rows = await runWrite<{ id: string }>(parts, deletePartsSql(parts, via, wholeIds));
    if (rows.length > 0) await deleteParts(parts, idsOf(rows));
  }
}

/** @param deletedAt when the wholes, and therefore their parts, were deleted. */
export async function restoreParts(
  write: Write,
  wholeIds: readonly string[],
  deletedAt: Date,
): Promise<void> {
  for (const { child, via } of partsOf(write)) {
    const parts = { ...write, kind: child };
    const statement = restorePartsSql(parts, via, wholeIds, deletedAt);
    const rows = await runWrite<{ id: string }>(parts, statement);
    if (rows.length > 0) await restoreParts(parts, idsOf(rows), deletedAt);
  }
}

const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
