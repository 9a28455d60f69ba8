/**
 * A kind's filter input as SQL. Values are parameters throughout; names come from the definition,
 * never from the input. A null is refused wherever it stands within a filter: a condition that was
 * dropped in silence would show more than was asked for.
 */
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { badUserInput } from '../../../errors';
import { addressPartColumn, columnOf, SYSTEM_COLUMNS, sqlTypeOf, tableOf } from '../columns';
import { comparisonSql } from './comparison-sql';
import type { Field } from '../fields';
import type { Kind, KindSet } from '../kind';
import { parseId } from '../ids';

export type FilterInput = Readonly<Record<string, unknown>>;

const MAX_CONDITIONS = 100;
const MAX_NESTING = 6;

const SYSTEM_TYPES: Readonly<Record<string, string>> = {
  externalId: 'text',
  version: 'integer',
};

/** One filter on its way to SQL: what all its parts share. */
interface Translation {
  readonly kinds: KindSet;
  readonly localTenantId: string;
  conditions: number;
  aliases: number;
}

/** Where in a filter a part stands. */
interface Place {
  readonly kind: Kind;
  /** Alias of the kind's table. */
  readonly alias: string;
  readonly level: number;
}

/** @returns conditions on the kind's table as `t`, joined by AND; @throws BAD_USER_INPUT. */
export function filterSql(
  kinds: KindSet,
  kind: Kind,
  filter: FilterInput | null | undefined,
  localTenantId: string,
): Sql | undefined {
  if (filter === null || filter === undefined) return undefined;
  const translation = { kinds, localTenantId, conditions: 0, aliases: 0 };
  return conditionsOf(translation, filter, { kind, alias: 't', level: 0 });
}

const allOf = (conditions: readonly (Sql | undefined)[]): Sql | undefined => {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length === 0 ? undefined : join(given, ' and ');
};

function conditionsOf(t: Translation, filter: FilterInput, place: Place): Sql | undefined {
  if (place.level > MAX_NESTING) {
    throw badUserInput(`Expected a filter of at most ${MAX_NESTING} levels: ask for less at once.`);
  }
  return allOf(entriesOf(t, filter).map(([name, value]) => conditionOf(t, name, value, place)));
}

function entriesOf(t: Translation, input: FilterInput): [name: string, value: unknown][] {
  // An argument left out by its variable is not there; one that is null was given.
  const entries = Object.entries(input).filter(([, value]) => value !== undefined);
  t.conditions += entries.length;
  if (t.conditions > MAX_CONDITIONS) {
    throw badUserInput(`Expected a filter of at most ${MAX_CONDITIONS} conditions.`);
  }
  for (const [name, value] of entries) {
    if (value !== null) continue;
    throw badUserInput(
      `Expected a value for "${name}" in the filter, but got null: leave it out, or use isNull.`,
    );
  }
  return entries;
}

function conditionOf(t: Translation, name: string, value: unknown, place: Place): Sql | undefined {
  const { kind, level } = place;
  const nested = (filter: FilterInput): Sql =>
    conditionsOf(t, filter, { ...place, level: level + 1 }) ?? sql`true`;
  if (name === 'and' || name === 'or') {
    const parts = value as FilterInput[];
    t.conditions += parts.length;
    // Nothing to choose from: `and` of nothing holds, `or` of nothing does not.
    if (parts.length === 0) return name === 'and' ? sql`true` : sql`false`;
    return sql`(${join(
      parts.map((part) => sql`(${nested(part)})`),
      ` ${name} `,
    )})`;
  }
  if (name === 'not') return sql`(${nested(value as FilterInput)}) is not true`;

  const parent = kind.parents.find((relation) => relation.name === name);
  if (parent !== undefined) {
    const reference = raw(`${place.alias}.${parent.column}`);
    return livingRecord(
      t,
      t.kinds.get(parent.kind),
      value as FilterInput,
      level,
      (alias) => sql`${raw(`${alias}.id`)} = ${reference}`,
    );
  }
  const child = t.kinds.children(kind).find((relation) => relation.name === name);
  if (child !== undefined) {
    const matches = (filter: unknown): Sql =>
      livingRecord(
        t,
        child.child,
        filter as FilterInput,
        level,
        (alias) => sql`${raw(`${alias}.${child.via.column}`)} = ${raw(`${place.alias}.id`)}`,
      );
    return allOf(
      entriesOf(t, value as FilterInput).map(([quantifier, filter]) =>
        quantifier === 'some' ? matches(filter) : sql`not ${matches(filter)}`,
      ),
    );
  }
  return valueCondition(t, name, value as FilterInput, place);
}

/** That there is a living record of the kind for which the filter and the link hold. */
function livingRecord(
  t: Translation,
  kind: Kind,
  filter: FilterInput,
  level: number,
  link: (alias: string) => Sql,
): Sql {
  const alias = `f${(t.aliases += 1)}`;
  const matches = conditionsOf(t, filter, { kind, alias, level: level + 1 });
  const a = raw(alias);
  return sql`exists (select from ${tableOf(kind)} ${a} where ${a}.tenant_id = ${t.localTenantId}
    and ${link(alias)} and ${a}.deleted_at is null ${matches === undefined ? empty : sql`and ${matches}`})`;
}

function valueCondition(
  t: Translation,
  name: string,
  operations: FilterInput,
  { kind, alias }: Place,
): Sql | undefined {
  const parent = kind.parents.find((relation) => relation.idField === name);
  if (name === 'id' || parent !== undefined) {
    const { idPrefix } = parent === undefined ? kind : t.kinds.get(parent.kind);
    const column = `${alias}.${parent?.column ?? 'id'}`;
    return comparisons(t, column, 'uuid', operations, (id) => parseId(idPrefix, id as string));
  }
  const field = kind.fields[name];
  if (field !== undefined) return fieldCondition(t, name, field, operations, alias);
  const column = SYSTEM_COLUMNS[name as keyof typeof SYSTEM_COLUMNS];
  return comparisons(t, `${alias}.${column}`, SYSTEM_TYPES[name] ?? 'timestamptz', operations);
}

function fieldCondition(
  t: Translation,
  name: string,
  field: Field,
  operations: FilterInput,
  alias: string,
): Sql | undefined {
  if (field.type === 'address') {
    return allOf(
      entriesOf(t, operations).map(([part, comparison]) => {
        const column = `${alias}.${addressPartColumn(name, field, part)}`;
        return comparisons(t, column, 'text', comparison as FilterInput);
      }),
    );
  }
  const column = `${alias}.${columnOf(name, field)}`;
  if (field.type !== 'money') return comparisons(t, column, sqlTypeOf(field), operations);
  const { currencyCode, ...amounts } = operations;
  return allOf([
    comparisons(t, column, 'numeric', amounts),
    currencyCode === undefined
      ? undefined
      : comparisons(t, `${column}_currency`, 'text', { eq: currencyCode }),
  ]);
}

/** @param read what a value of the input is in the database, or an element of a list of them. */
function comparisons(
  t: Translation,
  column: string,
  sqlType: string,
  operations: FilterInput,
  read: (value: unknown) => unknown = (value) => value,
): Sql | undefined {
  return allOf(
    entriesOf(t, operations).map(([operation, value]) => {
      const given =
        operation === 'isNull' ? value : Array.isArray(value) ? value.map(read) : read(value);
      return comparisonSql(raw(column), sqlType, operation, given);
    }),
  );
}
