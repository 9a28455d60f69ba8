/**
 * Orderings of a kind's list. Every ordering ends with the id, so that it is total and a position
 * in it can be found again by value (keyset pagination). NULL counts as greater than any value, in
 * both directions as in Postgres, so that an index serves an ordering forwards and backwards.
 */
import sql, { join, raw, type Sql } from 'sql-template-tag';
import type { CursorValues } from '../../../database/cursors';
import { badUserInput } from '../../../errors';
import { addressPartColumn, columnOf, SYSTEM_COLUMNS, sqlTypeOf, tableOf } from '../columns';
import { ADDRESS_PARTS, inWords, isNotNull, toConstantCase, type Field } from '../fields';
import type { Kind, KindSet, KindRow } from '../kind';
import { perKind } from '../per-kind';

export interface OrderInput {
  readonly field: string;
  readonly direction: 'asc' | 'desc';
}

export interface OrderTerm {
  /** SQL expression over the aliases of the list's FROM. */
  readonly expression: string;
  readonly sqlType: string;
  readonly nullable: boolean;
  readonly descending: boolean;
}

export interface Ordering {
  /** Names the ordering in cursors: a cursor of another one is refused. */
  readonly signature: string;
  readonly terms: readonly OrderTerm[];
  /** LEFT JOINs the terms need. */
  readonly joins: Sql | undefined;
}

/** One thing a list can be ordered by. */
interface Orderable {
  readonly description: string;
  readonly expression: string;
  readonly sqlType: string;
  readonly nullable: boolean;
  /** Set when a parent has to be joined. */
  readonly parent?: string;
}

const MAX_TERMS = 5;

export interface Orderings {
  /** What a kind's list can be ordered by: key of the API's enum → how. */
  orderablesOf(kind: Kind): ReadonlyMap<string, Orderable>;
  /** @param given absent: the kind's default, else newest first, the order of the ids (UUIDv7). */
  resolve(kind: Kind, given: readonly OrderInput[] | null | undefined): Ordering;
}

export function createOrderings(kinds: KindSet): Orderings {
  const orderablesOf = perKind((kind) => collectOrderables(kinds, kind));
  return {
    orderablesOf,
    resolve(kind, given) {
      const chosen = given ?? (kind.defaultOrder === undefined ? [] : [kind.defaultOrder]);
      if (chosen.length > MAX_TERMS) {
        throw badUserInput(
          `Expected at most ${MAX_TERMS} orderings in \`orderBy\`, but got ${chosen.length}.`,
        );
      }
      const orderables = orderablesOf(kind);
      const terms: OrderTerm[] = [];
      const joined = new Map<string, Sql>();
      for (const { field, direction } of chosen) {
        const orderable = orderables.get(field);
        if (orderable === undefined) throw new Error(`${kind.name} has no ordering "${field}".`);
        terms.push({ ...orderable, descending: direction === 'desc' });
        const { parent } = orderable;
        if (parent !== undefined) joined.set(parent, joinOf(kinds, kind, parent));
      }
      const descending = terms.at(-1)?.descending ?? true;
      terms.push({ expression: 't.id', sqlType: 'uuid', nullable: false, descending });
      return {
        signature: `${kind.name} ${chosen.map(({ field, direction }) => `${field} ${direction}`).join(', ')}`,
        terms,
        joins: joined.size === 0 ? undefined : join([...joined.values()], ' '),
      };
    },
  };
}

function collectOrderables(kinds: KindSet, kind: Kind): Map<string, Orderable> {
  const system = (column: string, sqlType: string, description: string): Orderable => ({
    expression: `t.${column}`,
    sqlType,
    nullable: false,
    description,
  });
  const orderables = new Map<string, Orderable>([
    ['ID', system(SYSTEM_COLUMNS.id, 'uuid', 'By id, which is the order of making.')],
    ['CREATED_AT', system(SYSTEM_COLUMNS.createdAt, 'timestamptz', 'When the record was made.')],
    [
      'UPDATED_AT',
      system(SYSTEM_COLUMNS.updatedAt, 'timestamptz', 'When the record was last changed.'),
    ],
  ]);
  for (const [name, field] of Object.entries(kind.fields)) addField(orderables, name, field);
  for (const parent of kind.parents) {
    const parentKind = kinds.get(parent.kind);
    const display = parentKind.fields[parentKind.displayField];
    if (display === undefined) {
      throw new Error(`${parentKind.name} has no field "${parentKind.displayField}" to display.`);
    }
    orderables.set(toConstantCase(`${parent.name}_${parentKind.displayField}`), {
      expression: `o_${parent.column}.${columnOf(parentKind.displayField, display)}`,
      sqlType: sqlTypeOf(display),
      nullable: true,
      description: `${parent.description} By their ${inWords(parentKind.displayField)}.`,
      parent: parent.name,
    });
  }
  return orderables;
}

function addField(orderables: Map<string, Orderable>, name: string, field: Field): void {
  if (field.inputOnly === true || field.type === 'json') return;
  if (field.type !== 'address') {
    orderables.set(toConstantCase(name), {
      expression: `t.${columnOf(name, field)}`,
      sqlType: sqlTypeOf(field),
      nullable: !isNotNull(field),
      description: field.description,
    });
    return;
  }
  const address = name.replace(/_?address$/i, '');
  for (const part of ADDRESS_PARTS) {
    orderables.set(toConstantCase(address === '' ? part : `${address}_${part}`), {
      expression: `t.${addressPartColumn(name, field, part)}`,
      sqlType: 'text',
      nullable: true,
      description: `${field.description} By ${inWords(part)}.`,
    });
  }
}

function joinOf(kinds: KindSet, kind: Kind, parentName: string): Sql {
  const parent = kind.parents.find(({ name }) => name === parentName);
  if (parent === undefined) throw new Error(`${kind.name} has no parent "${parentName}".`);
  const alias = raw(`o_${parent.column}`);
  return sql`left join ${tableOf(kinds.get(parent.kind))} ${alias} on ${alias}.tenant_id = t.tenant_id
    and ${alias}.id = ${raw(`t.${parent.column}`)} and ${alias}.deleted_at is null`;
}

/** ORDER BY; `backwards` for the page before a cursor, whose rows are turned round afterwards. */
export function orderBySql(ordering: Ordering, backwards: boolean): Sql {
  return raw(
    ordering.terms
      .map(
        ({ expression, descending }) =>
          `${expression} ${descending !== backwards ? 'desc' : 'asc'}`,
      )
      .join(', '),
  );
}

/** What a row's cursor needs beside its id, as text columns `__k0`, `__k1`, … */
export const cursorColumns = (ordering: Ordering): string =>
  ordering.terms
    .slice(0, -1)
    .map(({ expression }, index) => `, ${expression}::text as "__k${index}"`)
    .join('');

/** Names of those columns. */
export const cursorColumnNames = ({ terms }: Ordering): string[] =>
  terms.slice(0, -1).map((_, index) => `__k${index}`);

export const cursorValuesOf = (ordering: Ordering, row: KindRow): CursorValues => [
  ...ordering.terms.slice(0, -1).map((_, index) => (row[`__k${index}`] as string | null) ?? null),
  row.id,
];

/** The rows that come after the position, in the direction read. */
export function afterSql(ordering: Ordering, position: CursorValues, backwards: boolean): Sql {
  const terms = ordering.terms.map((term, index) => ({
    ...term,
    column: raw(term.expression),
    value: position[index] ?? null,
    descending: term.descending !== backwards,
  }));
  const [first] = terms;
  if (first !== undefined && terms.every((t) => !t.nullable && t.descending === first.descending)) {
    // One row comparison: an index answers it by going straight to the position.
    const columns = join(terms.map(({ column }) => column));
    const values = join(terms.map(({ value, sqlType }) => sql`${value}::${raw(sqlType)}`));
    return sql`(${columns}) ${raw(first.descending ? '<' : '>')} (${values})`;
  }
  const alternatives = terms.map((term, index) => {
    const equal = terms
      .slice(0, index)
      .map(({ column, value, sqlType }) =>
        value === null ? sql`${column} is null` : sql`${column} = ${value}::${raw(sqlType)}`,
      );
    return sql`(${join([...equal, beyond(term)], ' and ')})`;
  });
  return sql`(${join(alternatives, ' or ')})`;
}

interface PositionedTerm extends OrderTerm {
  readonly column: Sql;
  readonly value: string | null;
}

function beyond({ column, value, sqlType, descending, nullable }: PositionedTerm): Sql {
  if (value === null) return descending ? sql`${column} is not null` : sql`false`;
  const typed = sql`${value}::${raw(sqlType)}`;
  if (descending) return sql`${column} < ${typed}`;
  return nullable ? sql`(${column} > ${typed} or ${column} is null)` : sql`${column} > ${typed}`;
}
