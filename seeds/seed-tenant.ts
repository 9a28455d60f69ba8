/**
 * Fills a tenant with the demo's records, through the same writer as the API and imports, so that
 * the same rules hold. All of it is one transaction: an interrupted seeding leaves nothing behind
 * and is simply done again, and one record found says that all were written. After that nothing is
 * touched, for what the demo's users changed or deleted since is theirs.
 */
import sql, { join, raw } from 'sql-template-tag';
import { kinds } from '../src/crm/kinds';
import type { RuleServices, Values } from '../src/crm/kind/kind';
import { createKindWriter, type WriteContext } from '../src/crm/kind/kind-writer';
import type { SqlRunner } from '../src/database/statement';
import type { TenantSession } from '../src/tenancy/session.port';
import { makeDemoRecords, type DemoRecordsOptions } from './demo-records';
import { EXTERNAL_ID_PREFIX, type DemoBatch } from './demo-world';

/** Bounds one statement's parameters. */
const BATCH_SIZE = 200;

export interface SeedOptions extends DemoRecordsOptions {
  readonly services: RuleServices;
}

/** How many records were written, by kind (`accounts` → 34). */
export type Seeded = ReadonlyMap<string, number>;

/** @returns undefined when the tenant has had the records before. @throws UserFaults */
export async function seedTenant(
  session: TenantSession,
  options: SeedOptions,
): Promise<Seeded | undefined> {
  if (await hasDemoRecords(session)) return undefined;
  const batches = await makeDemoRecords(options);
  const afterCommit: (() => Promise<void>)[] = [];
  const written = await session.transaction((tx) =>
    writeBatches(batches, {
      tx,
      actorId: undefined,
      services: options.services,
      afterCommit: (followUp) => afterCommit.push(followUp),
    }),
  );
  for (const followUp of afterCommit) await followUp();
  return written;
}

/** Deleted ones count: who deletes the demo's records does not want them back at the next start. */
async function hasDemoRecords(session: SqlRunner): Promise<boolean> {
  const pattern = `${EXTERNAL_ID_PREFIX}%`;
  const anyOf = kinds.kinds.map(
    ({ table }) => sql`exists (select from ${raw(`cloister.${table}`)}
      where tenant_id = ${session.localTenantId} and external_id like ${pattern})`,
  );
  const [row] = await session.query<{ found: boolean }>(
    sql`select ${join(anyOf, ' or ')} as found`,
  );
  return row?.found === true;
}

async function writeBatches(
  batches: readonly DemoBatch[],
  context: WriteContext,
): Promise<Map<string, number>> {
  const writer = createKindWriter(kinds);
  const ids = new Map<string, string>();
  const written = new Map<string, number>();
  const idOf = (externalId: unknown): string | null => {
    if (externalId === null) return null;
    const id = typeof externalId === 'string' ? ids.get(externalId) : undefined;
    if (id === undefined) {
      throw new Error(
        `Expected a record of an earlier batch, but got ${JSON.stringify(externalId)}.`,
      );
    }
    return id;
  };
  for (const { kind, records } of batches) {
    for (let start = 0; start < records.length; start += BATCH_SIZE) {
      const values = records.slice(start, start + BATCH_SIZE).map((record): Values => ({
        ...record,
        ...Object.fromEntries(
          kind.parents.map(({ idField }) => [idField, idOf(record[idField] ?? null)]),
        ),
      }));
      const { rows } = await writer.upsert(context, kind, values, (index) => [
        kind.plural,
        String(start + index),
      ]);
      for (const { externalId, id } of rows) if (externalId !== null) ids.set(externalId, id);
      written.set(kind.plural, (written.get(kind.plural) ?? 0) + rows.length);
    }
  }
  return written;
}
