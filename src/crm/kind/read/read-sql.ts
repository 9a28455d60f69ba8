/** The statements that read records of a kind. Each carries the tenant beside the policy. */
import sql, { empty, raw, type Sql } from 'sql-template-tag';
import type { CursorValues } from '../../../database/cursors';
import { tableOf } from '../columns';
import type { ChildRelation, Kind } from '../kind';
import { afterSql, cursorColumns, orderBySql, type Ordering } from './ordering';
import type { RowShape } from './row-shapes';

export interface PageQuery {
  /** What is read of each record. */
  readonly shape: RowShape;
  readonly ordering: Ordering;
  readonly filter: Sql | undefined;
  readonly includeDeleted: boolean;
  /** Rows to read: the page, and one more when somebody asked whether there is one. */
  readonly limit: number;
  readonly position: CursorValues | undefined;
  readonly backwards: boolean;
}

const also = (condition: Sql | undefined): Sql =>
  condition === undefined ? empty : sql`and ${condition}`;

const live = (includeDeleted: boolean): Sql =>
  includeDeleted ? empty : sql`and t.deleted_at is null`;

/**
 * One id has a text of its own: Postgres keeps the plan of a prepared statement only when the plan that
 * fits all values looks as good as one made for these, and of `any` it expects many rows.
 */
export const byIdsSql = (
  kind: Kind,
  tenantId: string,
  ids: readonly string[],
  shape: RowShape,
): Sql => recordSql(kind, tenantId, amongIds(ids), shape);

/** Records that are there, by a condition over the alias `t`. */
export const recordSql = (
  kind: Kind,
  tenantId: string,
  condition: Sql,
  { selectList }: RowShape,
): Sql =>
  sql`select ${raw(selectList)} from ${tableOf(kind)} t
    where t.tenant_id = ${tenantId} and ${condition} and t.deleted_at is null`;

const amongIds = (ids: readonly string[]): Sql =>
  ids.length === 1 ? sql`t.id = ${ids[0]}::uuid` : sql`t.id = any(${ids}::uuid[])`;

/** @param limit of rows, where it is not the same for all. */
export function pageBody(
  kind: Kind,
  tenantId: string,
  query: PageQuery,
  parentCondition: Sql | undefined,
  limit: Sql,
): Sql {
  const { ordering, position, backwards, shape } = query;
  return sql`select ${raw(shape.selectList + cursorColumns(ordering))}
    from ${tableOf(kind)} t ${ordering.joins ?? empty}
    where t.tenant_id = ${tenantId} ${live(query.includeDeleted)} ${also(parentCondition)} ${also(query.filter)}
      ${also(position === undefined ? undefined : afterSql(ordering, position, backwards))}
    order by ${orderBySql(ordering, backwards)} limit ${limit}`;
}

/**
 * The limit is written out: of a limit that is a parameter Postgres expects a tenth of the table, so
 * that it would plan each page anew rather than keep a plan.
 */
export const pageSql = (kind: Kind, tenantId: string, query: PageQuery): Sql =>
  pageBody(kind, tenantId, query, undefined, raw(String(query.limit)));

/**
 * A page of children for each of many parents, in one statement: one index range for each parent,
 * no row read that is not returned. The nested loop keeps each parent's rows in their order.
 */
export function childPagesSql(
  relation: ChildRelation,
  tenantId: string,
  parentIds: readonly string[],
  query: PageQuery,
): Sql {
  const ofParent = sql`${raw(`t.${relation.via.column}`)} = p.id`;
  return sql`select p.id as "__parent", c.* from unnest(${parentIds}::uuid[]) as p (id)
    cross join lateral (${pageBody(relation.child, tenantId, query, ofParent, sql`${query.limit}`)}) c`;
}

export const countSql = (
  kind: Kind,
  tenantId: string,
  query: Pick<PageQuery, 'filter' | 'includeDeleted'>,
): Sql =>
  sql`select count(*)::int as count from ${tableOf(kind)} t
    where t.tenant_id = ${tenantId} ${live(query.includeDeleted)} ${also(query.filter)}`;

export function childCountsSql(
  relation: ChildRelation,
  tenantId: string,
  parentIds: readonly string[],
  query: Pick<PageQuery, 'filter' | 'includeDeleted'>,
): Sql {
  const column = raw(`t.${relation.via.column}`);
  return sql`select ${column} as "__parent", count(*)::int as count from ${tableOf(relation.child)} t
    where t.tenant_id = ${tenantId} and ${column} = any(${parentIds}::uuid[]) ${live(query.includeDeleted)}
      ${also(query.filter)} group by ${column}`;
}
