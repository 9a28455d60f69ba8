/**
 * What the operators' API shows of a table of the registry. A record lists the columns that are shown,
 * so that what is not listed (whatever is sealed, or made of a secret) cannot come out.
 */
import type { Knex } from 'knex';

export type PlatformFieldType =
  | 'text'
  | 'textList'
  | 'integer'
  /** Counts beyond 32 bits; exact up to 2^53. */
  | 'bigInteger'
  | 'boolean'
  | 'dateTime'
  | 'json'
  /** A uuid of a row of some table of the registry, shown as the id of its record. */
  | 'recordId'
  | { readonly enumeration: string; readonly values: Readonly<Record<string, string>> };

export interface PlatformField {
  readonly type: PlatformFieldType;
  readonly description: string;
  /** The column, or an expression over the table's row, which is called `r`. */
  readonly sql: string;
  readonly nullable?: boolean;
  /** Whether lists can be filtered by it; lists and JSON cannot. Default true. */
  readonly filter?: boolean;
  /** Whether lists can be ordered by it; for values that are never null. */
  readonly order?: boolean;
}

export interface PlatformReference {
  /** Name of the record it leads to. */
  readonly record: string;
  /** Its id there: a column of the row `r`, or an expression. */
  readonly sql: string;
  readonly description: string;
}

export interface PlatformRecord {
  /** GraphQL type. */
  readonly name: string;
  readonly singular: string;
  readonly plural: string;
  /** In words, as descriptions call one and many of them. */
  readonly one: string;
  readonly many: string;
  readonly description: string;
  readonly table: string;
  /** Ids are TypeIDs with this prefix, over a uuid or a number. */
  readonly idPrefix: string;
  readonly idType: 'uuid' | 'bigint';
  readonly fields: Readonly<Record<string, PlatformField>>;
  readonly references?: Readonly<Record<string, PlatformReference>>;
  readonly defaultOrder: { readonly field: string; readonly direction: 'asc' | 'desc' };
  /** Which rows there are at all; every row unless given. */
  readonly only?: (query: Knex.QueryBuilder) => void;
}

/** A row as it is selected: the shown fields, the references' ids under `<name>Id`, and its id. */
export interface PlatformRow extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly __typename: string;
}

/** How Postgres calls the values of a field, for the cursors' and filters' parameters. */
export function sqlTypeOf(type: PlatformFieldType): string {
  if (typeof type === 'object') return 'text';
  const types = {
    text: 'text',
    textList: 'text[]',
    integer: 'integer',
    bigInteger: 'bigint',
    boolean: 'boolean',
    dateTime: 'timestamptz',
    json: 'jsonb',
    recordId: 'uuid',
  } as const;
  return types[type];
}
