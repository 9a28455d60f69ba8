/**
 * The statements that write records of a kind. A write states in its own WHERE that every record it
 * refers to is the tenant's and not deleted, so the usual case is one statement; only when rows are
 * missing from the answer somebody asks why.
 */
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { selectList, tableOf, writableColumns } from '../columns';
import type { Kind, KindSet, Parent } from '../kind';
import { perKind } from '../per-kind';

/** Values by column. */
export type ColumnValues = Readonly<Record<string, unknown>>;

export interface WriteScope {
  readonly kinds: KindSet;
  readonly kind: Kind;
  readonly tenantId: string;
  readonly actorId: string | undefined;
}

const returning = perKind((kind): Sql => raw(`returning ${selectList(kind)}`));

/** Whose parents are meant. */
interface ParentScope {
  readonly kinds: KindSet;
  readonly tenant: Sql;
}

const parentScope = ({ kinds, tenantId }: WriteScope): ParentScope => ({
  kinds,
  tenant: sql`${tenantId}`,
});

/** Not `exists`: that Postgres may answer by reading all of the tenant's parents into a hash table. */
const parentIsLive = ({ kinds, tenant }: ParentScope, parent: Parent, reference: Sql): Sql =>
  sql`coalesce((select true from ${tableOf(kinds.get(parent.kind))} p
    where p.tenant_id = ${tenant} and p.id = ${reference} and p.deleted_at is null), false)`;

/** Rows as one JSON parameter: the statement's text is the same for one row and for five hundred. */
function recordset(kind: Kind, rows: readonly ColumnValues[]): Sql {
  const columns = writableColumns(kind).map(({ column, sqlType }) => `${column} ${sqlType}`);
  return sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(${raw(['id uuid', 'ord int', ...columns].join(', '))})`;
}

/** That what the rows under the alias refer to is there, by the given relations. */
const parentsAreLive = (scope: ParentScope, parents: readonly Parent[], alias: 'r' | 't'): Sql =>
  parents.length === 0
    ? raw('true')
    : join(
        parents.map((parent) => {
          const reference = raw(`${alias}.${parent.column}`);
          return sql`(${reference} is null or ${parentIsLive(scope, parent, reference)})`;
        }),
        ' and ',
      );

const wholesOf = ({ parents }: Kind): readonly Parent[] =>
  parents.filter(({ owned }) => owned === true);

interface Insertion extends ParentScope {
  readonly kind: Kind;
  readonly actor: Sql;
  /** A relation `r` of `id` and the kind's writable columns. */
  readonly rows: Sql;
}

function insertBody({ kind, kinds, tenant, actor, rows }: Insertion): Sql {
  const columns = writableColumns(kind);
  const values = columns.map(({ column, defaultSql }) =>
    defaultSql === undefined ? `r.${column}` : `coalesce(r.${column}, ${defaultSql})`,
  );
  return sql`insert into ${tableOf(kind)} as t
      (tenant_id, id, created_by, updated_by, ${raw(columns.map(({ column }) => column).join(', '))})
    select ${tenant}::uuid, r.id, ${actor}::uuid, ${actor}::uuid, ${raw(values.join(', '))}
    from ${rows} where ${parentsAreLive({ kinds, tenant }, kind.parents, 'r')}`;
}

const insertionOf = (scope: WriteScope, rows: readonly ColumnValues[]): Insertion => ({
  ...parentScope(scope),
  kind: scope.kind,
  actor: sql`${scope.actorId ?? null}`,
  rows: recordset(scope.kind, rows),
});

/** @param rows with `id` and `ord`; those that refer to nothing living are left out of the answer. */
export const insertSql = (scope: WriteScope, rows: readonly ColumnValues[]): Sql =>
  sql`${insertBody(insertionOf(scope, rows))} ${returning(scope.kind)}`;

/**
 * The text that inserts one record, for which no JSON has to be taken apart. Its parameters: the tenant,
 * the actor, the record's id, and the writable columns in their order.
 */
export function insertOneText(kinds: KindSet, kind: Kind): string {
  const columns = writableColumns(kind).map(
    ({ column, sqlType }, index) => `$${index + 4}::${sqlType} as ${column}`,
  );
  const rows = raw(`(select $3::uuid as id, ${columns.join(', ')}) as r`);
  const insertion = { kinds, kind, tenant: raw('$1'), actor: raw('$2'), rows };
  return sql`${insertBody(insertion)} ${returning(kind)}`.text;
}

/**
 * Inserts, or updates the living record of the same external id in the given columns; records that
 * would not change are left alone and out of the answer.
 */
export function upsertSql(
  scope: WriteScope,
  rows: readonly ColumnValues[],
  columns: readonly string[],
): Sql {
  const defaults = new Map(
    writableColumns(scope.kind).map(({ column, defaultSql }) => [column, defaultSql]),
  );
  const updated = columns.filter((column) => column !== 'external_id');
  const assignments = updated.map((column) => `${column} = excluded.${column}`);
  const list = (alias: string): string => updated.map((column) => `${alias}.${column}`).join(', ');
  // Excluded rows carry the defaults of what was left out; those columns are not among `columns`.
  for (const column of updated) {
    if (!defaults.has(column))
      throw new Error(`${scope.kind.name} has no column "${column}" to write.`);
  }
  const changed =
    updated.length === 0 ? 'false' : `(${list('t')}) is distinct from (${list('excluded')})`;
  return sql`${insertBody(insertionOf(scope, rows))}
    on conflict (tenant_id, external_id) where deleted_at is null and external_id is not null do update
    set ${raw([...assignments, 'version = t.version + 1', 'updated_at = now()', 'updated_by = excluded.updated_by'].join(', '))}
    where ${raw(changed)}
    returning ${raw(selectList(scope.kind))}, (xmax = 0) as "__created"`;
}

/** Which references of the rows lead nowhere: `ord` of the row and column. */
export function deadReferencesSql(
  scope: WriteScope,
  rows: readonly ColumnValues[],
): Sql | undefined {
  const { parents } = scope.kind;
  if (parents.length === 0) return undefined;
  return join(
    parents.map((parent) => {
      const reference = raw(`r.${parent.column}`);
      return sql`select r.ord, ${parent.idField} as field from ${recordset(scope.kind, rows)}
        where ${reference} is not null and not ${parentIsLive(parentScope(scope), parent, reference)}`;
    }),
    ' union all ',
  );
}

/** @param version given: only the record as the caller last saw it. */
export function updateSql(
  scope: WriteScope,
  id: string,
  version: number | undefined,
  changes: ColumnValues,
): Sql {
  const types = new Map(writableColumns(scope.kind).map((column) => [column.column, column]));
  const assignments = Object.entries(changes).map(([column, value]) => {
    const { sqlType = 'text', defaultSql } = types.get(column) ?? {};
    const parameter = sqlType === 'jsonb' && value !== null ? JSON.stringify(value) : value;
    const typed = sql`${parameter}::${raw(sqlType)}`;
    // Clearing a field that has a default gives it its default.
    return sql`${raw(column)} = ${defaultSql === undefined ? typed : sql`coalesce(${typed}, ${raw(defaultSql)})`}`;
  });
  const references = scope.kind.parents.filter(
    ({ column }) => changes[column] !== undefined && changes[column] !== null,
  );
  return sql`update ${tableOf(scope.kind)} t set
      ${join([...assignments, raw('version = t.version + 1'), raw('updated_at = now()'), sql`updated_by = ${scope.actorId ?? null}::uuid`])}
    where t.tenant_id = ${scope.tenantId} and t.id = ${id} and t.deleted_at is null
      ${version === undefined ? empty : sql`and t.version = ${version}`}
      ${
        references.length === 0
          ? empty
          : sql`and ${join(
              references.map((parent) =>
                parentIsLive(parentScope(scope), parent, sql`${changes[parent.column]}::uuid`),
              ),
              ' and ',
            )}`
      }
    ${returning(scope.kind)}`;
}

export const lockSql = (scope: WriteScope, ids: readonly string[]): Sql =>
  sql`select ${raw(selectList(scope.kind))} from ${tableOf(scope.kind)} t
    where t.tenant_id = ${scope.tenantId} and t.id = any(${ids}::uuid[]) order by t.id for update`;

export const byExternalIdsSql = (scope: WriteScope, externalIds: readonly string[]): Sql =>
  sql`select ${raw(selectList(scope.kind))} from ${tableOf(scope.kind)} t
    where t.tenant_id = ${scope.tenantId} and t.external_id = any(${externalIds}::text[]) and t.deleted_at is null`;

export const lockByExternalIdsSql = (scope: WriteScope, externalIds: readonly string[]): Sql =>
  sql`${byExternalIdsSql(scope, externalIds)} order by t.id for update`;

export const deleteSql = (scope: WriteScope, ids: readonly string[]): Sql =>
  sql`update ${tableOf(scope.kind)} t set deleted_at = now(), version = t.version + 1, updated_at = now(),
      updated_by = ${scope.actorId ?? null}::uuid
    where t.tenant_id = ${scope.tenantId} and t.id = any(${ids}::uuid[]) and t.deleted_at is null
    ${returning(scope.kind)}`;

/** @param scope of the parts. */
export const deletePartsSql = (scope: WriteScope, via: Parent, wholeIds: readonly string[]): Sql =>
  sql`update ${tableOf(scope.kind)} t set deleted_at = now(), version = t.version + 1, updated_at = now(),
      updated_by = ${scope.actorId ?? null}::uuid
    where t.tenant_id = ${scope.tenantId} and t.${raw(via.column)} = any(${wholeIds}::uuid[])
      and t.deleted_at is null returning t.id`;

/** A part comes back only to a whole that is there. */
export const restoreSql = (scope: WriteScope, id: string): Sql =>
  sql`update ${tableOf(scope.kind)} t set deleted_at = null, version = t.version + 1, updated_at = now(),
      updated_by = ${scope.actorId ?? null}::uuid
    where t.tenant_id = ${scope.tenantId} and t.id = ${id} and t.deleted_at is not null
      and ${parentsAreLive(parentScope(scope), wholesOf(scope.kind), 't')}
    ${returning(scope.kind)}`;

/** @param scope of the parts. */
export const restorePartsSql = (
  scope: WriteScope,
  via: Parent,
  wholeIds: readonly string[],
  deletedAt: Date,
): Sql =>
  sql`update ${tableOf(scope.kind)} t set deleted_at = null, version = t.version + 1, updated_at = now(),
      updated_by = ${scope.actorId ?? null}::uuid
    where t.tenant_id = ${scope.tenantId} and t.${raw(via.column)} = any(${wholeIds}::uuid[])
      and t.deleted_at = ${deletedAt} and ${parentsAreLive(parentScope(scope), wholesOf(scope.kind), 't')} returning t.id`;

export const purgeSql = (scope: WriteScope, id: string): Sql =>
  sql`delete from ${tableOf(scope.kind)} t where t.tenant_id = ${scope.tenantId} and t.id = ${id}
    ${returning(scope.kind)}`;
