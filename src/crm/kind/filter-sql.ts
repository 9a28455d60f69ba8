/**
 * A kind's filter input as SQL. Values are parameters throughout; names come from the definition,
 * never from the input.
 */
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { badUserInput } from '../../errors';
import { addressPartColumn, columnOf, SYSTEM_COLUMNS, sqlTypeOf, tableOf } from './columns';
import type { Kind, KindSet } from './kind';
import { parseId } from './ids';

export type FilterInput = Readonly<Record<string, unknown>>;

const MAX_CONDITIONS = 100;
const MAX_LIST = 500;
const MAX_NESTING = 6;

const COMPARISONS: Readonly<Record<string, string>> = {
  eq: '=',
  ne: '<>',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
};

/** `%`, `_` and `\` in what is looked for stand for themselves. */
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

const PATTERNS: Readonly<Record<string, (text: string) => string>> = {
  contains: (text) => `%${escapeLike(text)}%`,
  startsWith: (text) => `${escapeLike(text)}%`,
  endsWith: (text) => `%${escapeLike(text)}`,
};

interface Scope {
  readonly kinds: KindSet;
  readonly localTenantId: string;
  conditions: number;
  aliases: number;
}

/** @returns conditions on the table under `alias`, to be joined by AND; @throws BAD_USER_INPUT. */
export function filterSql(
  kinds: KindSet,
  kind: Kind,
  filter: FilterInput | null | undefined,
  localTenantId: string,
  alias = 't',
): Sql | undefined {
  if (filter === null || filter === undefined) return undefined;
  return conditionOf({ kinds, localTenantId, conditions: 0, aliases: 0 }, kind, filter, alias, 0);
}

function conditionOf(scope: Scope, kind: Kind, filter: FilterInput, alias: string, level: number): Sql | undefined {
  if (level > MAX_NESTING) {
    throw badUserInput(`Expected a filter of at most ${MAX_NESTING} levels: ask for less at once.`);
  }
  const conditions = Object.entries(filter).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    const condition = entryCondition(scope, kind, name, value, alias, level);
    return condition === undefined ? [] : [condition];
  });
  return conditions.length === 0 ? undefined : join(conditions, ' and ');
}

function entryCondition(
  scope: Scope,
  kind: Kind,
  name: string,
  value: unknown,
  alias: string,
  level: number,
): Sql | undefined {
  const nested = (part: FilterInput): Sql =>
    conditionOf(scope, kind, part, alias, level + 1) ?? sql`true`;
  if (name === 'and' || name === 'or') {
    const parts = value as FilterInput[];
    // Nothing to choose from: `and` of nothing holds, `or` of nothing does not.
    if (parts.length === 0) return name === 'and' ? sql`true` : sql`false`;
    return sql`(${join(parts.map((part) => sql`(${nested(part)})`), ` ${name} `)})`;
  }
  if (name === 'not') return sql`(${nested(value as FilterInput)}) is not true`;

  const parent = kind.parents.find((relation) => relation.name === name);
  if (parent !== undefined) return parentCondition(scope, kind, parent.name, value as FilterInput, alias, level);
  const child = scope.kinds.children(kind).find((relation) => relation.name === name);
  if (child !== undefined) {
    const { some, none } = value as { some?: FilterInput | null; none?: FilterInput | null };
    const exists = (part: FilterInput): Sql => {
      const inner = `f${(scope.aliases += 1)}`;
      const matches = conditionOf(scope, child.child, part, inner, level + 1);
      const table = tableOf(child.child);
      const a = raw(inner);
      return sql`exists (select from ${table} ${a} where ${a}.tenant_id = ${scope.localTenantId}
        and ${a}.${raw(child.via.column)} = ${raw(alias)}.id and ${a}.deleted_at is null ${matches === undefined ? empty : sql`and ${matches}`})`;
    };
    const parts = [
      ...(some === undefined || some === null ? [] : [exists(some)]),
      ...(none === undefined || none === null ? [] : [sql`not ${exists(none)}`]),
    ];
    return parts.length === 0 ? undefined : join(parts, ' and ');
  }

  const operations = value as FilterInput;
  const parentById = kind.parents.find((relation) => relation.idField === name);
  if (name === 'id') return comparisons(scope, `${alias}.id`, 'uuid', idsOf(kind.idPrefix, operations));
  if (parentById !== undefined) {
    const prefix = scope.kinds.get(parentById.kind).idPrefix;
    return comparisons(scope, `${alias}.${parentById.column}`, 'uuid', idsOf(prefix, operations));
  }
  const field = kind.fields[name];
  if (field === undefined) {
    const column = SYSTEM_COLUMNS[name as keyof typeof SYSTEM_COLUMNS];
    const type = name === 'externalId' ? 'text' : name === 'version' ? 'integer' : 'timestamptz';
    return comparisons(scope, `${alias}.${column}`, type, operations);
  }
  if (field.type === 'address') {
    const parts = Object.entries(operations).flatMap(([part, partOperations]) => {
      if (partOperations === null || partOperations === undefined) return [];
      const column = `${alias}.${addressPartColumn(name, field, part)}`;
      const condition = comparisons(scope, column, 'text', partOperations as FilterInput);
      return condition === undefined ? [] : [condition];
    });
    return parts.length === 0 ? undefined : join(parts, ' and ');
  }
  const column = `${alias}.${columnOf(name, field)}`;
  if (field.type === 'money') {
    const { currencyCode, ...amounts } = operations;
    const parts = [
      comparisons(scope, column, 'numeric', amounts),
      currencyCode === undefined || currencyCode === null
        ? undefined
        : comparisons(scope, `${column}_currency`, 'text', { eq: currencyCode }),
    ].filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : join(parts, ' and ');
  }
  return comparisons(scope, column, sqlTypeOf(field), operations);
}

function parentCondition(
  scope: Scope,
  kind: Kind,
  name: string,
  filter: FilterInput,
  alias: string,
  level: number,
): Sql | undefined {
  const parent = kind.parents.find((relation) => relation.name === name);
  if (parent === undefined) return undefined;
  const parentKind = scope.kinds.get(parent.kind);
  const inner = `f${(scope.aliases += 1)}`;
  const matches = conditionOf(scope, parentKind, filter, inner, level + 1);
  const a = raw(inner);
  return sql`exists (select from ${tableOf(parentKind)} ${a} where ${a}.tenant_id = ${scope.localTenantId}
    and ${a}.id = ${raw(`${alias}.${parent.column}`)} and ${a}.deleted_at is null ${matches === undefined ? empty : sql`and ${matches}`})`;
}

/** TypeIDs to UUIDs; an id of another kind or of no kind is a mistake worth saying. */
function idsOf(prefix: string, operations: FilterInput): FilterInput {
  return Object.fromEntries(
    Object.entries(operations).map(([operation, value]) => [
      operation,
      Array.isArray(value)
        ? value.map((id) => parseId(prefix, id as string))
        : typeof value === 'string'
          ? parseId(prefix, value)
          : value,
    ]),
  );
}

function comparisons(scope: Scope, column: string, sqlType: string, operations: FilterInput): Sql | undefined {
  const parts = Object.entries(operations).flatMap(([operation, value]) => {
    if (value === null || value === undefined) return [];
    scope.conditions += 1;
    if (scope.conditions > MAX_CONDITIONS) {
      throw badUserInput(`Expected a filter of at most ${MAX_CONDITIONS} conditions.`);
    }
    return [comparison(raw(column), sqlType, operation, value)];
  });
  return parts.length === 0 ? undefined : join(parts, ' and ');
}

function comparison(column: Sql, sqlType: string, operation: string, value: unknown): Sql {
  refuseNul(value);
  const type = raw(sqlType);
  const operator = COMPARISONS[operation];
  if (operator !== undefined) return sql`${column} ${raw(operator)} ${value}::${type}`;
  if (operation === 'isNull') return value === true ? sql`${column} is null` : sql`${column} is not null`;
  if (operation === 'in' || operation === 'notIn') {
    const list = value as unknown[];
    if (list.length > MAX_LIST) {
      throw badUserInput(`Expected at most ${MAX_LIST} values in "${operation}", but got ${list.length}.`);
    }
    return operation === 'in'
      ? sql`${column} = any(${list}::${type}[])`
      : sql`${column} <> all(${list}::${type}[])`;
  }
  const pattern = PATTERNS[operation];
  if (pattern === undefined) throw badUserInput(`There is no comparison "${operation}".`);
  return sql`${column} ilike ${pattern(value as string)}`;
}

/** Postgres' text cannot hold NUL; said here, where the argument still has a name. */
function refuseNul(value: unknown): void {
  const holds = (text: unknown): boolean => typeof text === 'string' && text.includes('\u0000');
  if (Array.isArray(value) ? value.some(holds) : holds(value)) {
    throw badUserInput('Expected text without NUL characters.');
  }
}
