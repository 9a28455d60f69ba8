import sql, { raw } from 'sql-template-tag';
import { toSnakeCase } from './fields';
import type { KindRules, Values } from './kind';

/** Levels above a record that are looked at: deeper hierarchies than this are refused as well. */
const MAX_LEVELS = 50;

/** A rule for kinds that refer to themselves: a record must not be above itself. */
export function refuseCycle(table: string, relation: string): NonNullable<KindRules<Values>['check']> {
  const column = raw(`${toSnakeCase(relation)}_id`);
  const records = raw(`cloister.${table}`);
  return async ({ tx }, row, fault) => {
    const parentId = row[`${relation}Id`];
    if (parentId === null || parentId === undefined) return;
    const found = await tx.query(sql`
      with recursive above (id, level) as (
        select ${parentId}::uuid, 1
        union all
        select t.${column}, above.level + 1 from above
        join ${records} t on t.tenant_id = ${tx.localTenantId} and t.id = above.id
        where t.${column} is not null and above.id <> ${row.id} and above.level <= ${MAX_LEVELS}
      )
      select 1 from above where id = ${row.id} or level > ${MAX_LEVELS} limit 1`);
    if (found.length > 0) fault(`${relation}Id`, 'would put the record above itself');
  };
}
