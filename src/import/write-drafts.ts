/** Writes drafts whose references are found, with their items, through the rules of the API. */
import sql from 'sql-template-tag';
import { tableOf } from '../crm/kind/columns';
import type { Values } from '../crm/kind/kind';
import type { UpsertOutcome, WriteContext, KindWriter } from '../crm/kind/kind-writer';
import type { BatchDependencies } from './batch-dependencies';
import type { ItemPlan } from './row-plan';
import { writeIsolated, type Written } from './write-isolated';

export interface ReadyDraft {
  readonly values: Values;
  /** Without `values` the record has no such item. */
  readonly items: readonly { readonly externalId: string; readonly values: Values | undefined }[];
}

export async function writeDrafts(
  { plan, writer, context }: BatchDependencies,
  drafts: readonly ReadyDraft[],
): Promise<{ rows: Written<UpsertOutcome>[]; changed: Set<string> }> {
  const changed = new Set<string>();
  const rows = await writeIsolated(context, drafts, async (attempt, some) => {
    const records = some.map(({ values }) => values);
    const { rows: written, outcomes } = await writer.upsert(
      attempt,
      plan.kind,
      records,
      (index) => [String(index)],
    );
    if (written.length !== some.length)
      throw new Error('Expected as many records as were written.');
    if (outcomes.includes('updated')) changed.add(plan.kind.name);
    const results = [...outcomes];
    for (const [position, item] of plan.items.entries()) {
      const touched = await writeItems(
        writer,
        attempt,
        item,
        some.map(({ items }, index) => ({
          ownerId: written[index]?.id ?? '',
          ...items[position],
        })),
      );
      if (touched.length > 0) changed.add(item.kind.name);
      // A record with another item is another record to whoever reads the file.
      for (const index of touched) if (results[index] === 'unchanged') results[index] = 'updated';
    }
    return results;
  });
  return { rows, changed };
}

interface OwnedItem {
  readonly ownerId: string;
  readonly externalId?: string;
  readonly values?: Values | undefined;
}

/** @returns the places of the records whose item was made, changed or removed. */
async function writeItems(
  writer: KindWriter,
  context: WriteContext,
  { kind, relation }: ItemPlan,
  items: readonly OwnedItem[],
): Promise<number[]> {
  const touched: number[] = [];
  const present = items.flatMap(({ ownerId, values }, index) =>
    values === undefined ? [] : [{ index, values: { ...values, [relation.idField]: ownerId } }],
  );
  const pathOf = (place: number): string[] => [String(present[place]?.index ?? ''), kind.singular];
  if (present.length > 0) {
    const { outcomes } = await writer.upsert(
      context,
      kind,
      present.map(({ values }) => values),
      pathOf,
    );
    for (const [place, { index }] of present.entries()) {
      if (outcomes[place] !== 'unchanged') touched.push(index);
    }
  }
  const absent = items.flatMap(({ externalId, values }, index) =>
    values === undefined && externalId !== undefined ? [{ index, externalId }] : [],
  );
  if (absent.length > 0) {
    const found = await context.tx.query<{ id: string; externalId: string }>(
      sql`select t.id, t.external_id as "externalId" from ${tableOf(kind)} t
        where t.tenant_id = ${context.tx.localTenantId} and t.deleted_at is null
          and t.external_id = any(${absent.map(({ externalId }) => externalId)}::text[])`,
    );
    if (found.length > 0)
      await writer.delete(
        context,
        kind,
        found.map(({ id }) => id),
        (place) => [String(place)],
      );
    const removed = new Set(found.map(({ externalId }) => externalId));
    for (const { index, externalId } of absent) if (removed.has(externalId)) touched.push(index);
  }
  return touched;
}
