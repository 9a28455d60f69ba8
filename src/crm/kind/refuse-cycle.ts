import sql, { raw } from 'sql-template-tag';
import { toSnakeCase } from './fields';
import type { KindRules, Values } from './kind';

/** Levels above a record that are looked at: deeper hierarchies are refused as well. */
const MAX_LEVELS = 50;

/** Rules for kinds that refer to themselves: a record must not be above itself. */
export const refusingCycles = (
  table: string,
  relation: string,
): Pick<KindRules<Values>, 'check' | 'checksOnlyChanges'> => ({
  check: refuseCycle(table, relation),
  checksOnlyChanges: true,
});

export function refuseCycle(
  table: string,
  relation: string,
): NonNullable<KindRules<Values>['check']> {
  const idField = `${relation}Id`;
  const column = raw(`${toSnakeCase(relation)}_id`);
  const records = raw(`cloister.${table}`);
  return async ({ tx }, { row, given, created }, fault) => {
    const parentId = row[idField];
    // Nothing refers to a new record yet, so it cannot be above anything.
    if (created || given[idField] === undefined || typeof parentId !== 'string') return;
    // Two changes at once could each be fine and make a cycle together: one waits for the other.
    await tx.query(
      sql`select pg_advisory_xact_lock(hashtextextended(${`${table} ${tx.localTenantId}`}, 0))`,
    );
    const found = await tx.query(sql`
      with recursive above (id, level) as (
        select ${parentId}::uuid, 1
        union all
        select t.${column}, above.level + 1 from above
        join ${records} t on t.tenant_id = ${tx.localTenantId} and t.id = above.id
        where t.${column} is not null and above.id <> ${row.id} and above.level <= ${MAX_LEVELS}
      )
      select 1 from above where id = ${row.id} or level > ${MAX_LEVELS} limit 1`);
    if (found.length > 0) {
      fault(
        idField,
        `would put the record above itself, or beneath more than ${MAX_LEVELS} others`,
      );
    }
  };
}
