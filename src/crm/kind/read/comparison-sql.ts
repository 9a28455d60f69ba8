/** The comparisons a filter offers for one column. Values are parameters throughout. */
import sql, { raw, type Sql } from 'sql-template-tag';
import { MAX_LIST, OPERATORS, PATTERNS } from '../../../database/comparison';
import { badUserInput } from '../../../errors';

/** @throws BAD_USER_INPUT for a value no column can be compared with. */
export function comparisonSql(
  column: Sql,
  sqlType: string,
  operation: string,
  value: unknown,
): Sql {
  refuseNul(value);
  const type = raw(sqlType);
  const operator = OPERATORS[operation];
  if (operator !== undefined) return sql`${column} ${raw(operator)} ${value}::${type}`;
  if (operation === 'isNull') {
    return value === true ? sql`${column} is null` : sql`${column} is not null`;
  }
  if (operation === 'in' || operation === 'notIn') {
    const list = value as unknown[];
    if (list.length > MAX_LIST) {
      throw badUserInput(
        `Expected at most ${MAX_LIST} values in "${operation}", but got ${list.length}.`,
      );
    }
    return operation === 'in'
      ? sql`${column} = any(${list}::${type}[])`
      : sql`${column} <> all(${list}::${type}[])`;
  }
  const pattern = PATTERNS[operation];
  if (pattern === undefined) throw new Error(`There is no comparison "${operation}".`);
  return sql`${column} ilike ${pattern(value as string)}`;
}

/** Postgres' text cannot hold NUL; said here, where it is still the client's argument. */
function refuseNul(value: unknown): void {
  const holds = (text: unknown): boolean => typeof text === 'string' && text.includes('\u0000');
  if (Array.isArray(value) ? value.some(holds) : holds(value)) {
    throw badUserInput('Expected text without NUL characters.');
  }
}
