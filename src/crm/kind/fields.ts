/**
 * The kinds of field a record can have. A field says what it holds; its GraphQL types, filters,
 * columns and validation follow from that.
 */
export type FieldType =
  | 'text'
  | 'email'
  | 'phone'
  | 'url'
  | 'integer'
  | 'decimal'
  | 'boolean'
  | 'date'
  | 'dateTime'
  | 'enum'
  | 'money'
  | 'address'
  | 'json';

export interface FieldOptions {
  readonly description: string;
  /** Must be given when a record is made, and can never be null. */
  readonly required?: boolean;
  /** SQL literal used when a record is made without the field; it can then never be null either. */
  readonly default?: string;
  /** Computed by the database: shown, filtered and sorted, never written. `notNull` when always there. */
  readonly computed?: 'nullable' | 'notNull';
  /** Taken as input and never shown; what is stored follows from the kind's `derive`. */
  readonly inputOnly?: boolean;
  /** Shown and filtered, but only the system writes it. */
  readonly readOnly?: boolean;
  readonly column?: string;
  /** Longest text in characters (default 255). */
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
}

export interface Field<T = unknown> extends FieldOptions {
  readonly type: FieldType;
  /** Values of an enum as stored; the API shows them in upper case. */
  readonly values?: readonly string[];
  /** What each value of an enum means, for its description. */
  readonly meanings?: Readonly<Record<string, string>>;
  /** Name of the enum in the API. */
  readonly enumName?: string;
  /** Only for inference: the type of a given value. */
  readonly valueType?: T;
}

export interface MoneyValue {
  readonly amount: string;
  readonly currencyCode: string;
}

export interface AddressValue {
  readonly street?: string | null;
  readonly city?: string | null;
  readonly region?: string | null;
  readonly postalCode?: string | null;
  readonly countryCode?: string | null;
}

export const ADDRESS_PARTS = ['street', 'city', 'region', 'postalCode', 'countryCode'] as const;

const builder =
  <T>(type: FieldType) =>
  (options: FieldOptions): Field<T> => ({ type, ...options });

export const text = builder<string>('text');
export const email = builder<string>('email');
export const phone = builder<string>('phone');
export const url = builder<string>('url');
export const integer = builder<number>('integer');
export const decimal = builder<string>('decimal');
export const boolean = builder<boolean>('boolean');
export const date = builder<Date>('date');
export const dateTime = builder<Date>('dateTime');
export const money = builder<MoneyValue>('money');
export const address = builder<AddressValue>('address');
/** An object or a list of anything; shown whole, and neither filtered nor sorted by its content. */
export const json = builder<object>('json');

/** One of several values. @param meanings each value as stored → what it means. */
export const oneOf = <V extends string>(
  enumName: string,
  meanings: Readonly<Record<V, string>>,
  options: FieldOptions,
): Field<V> => ({ type: 'enum', enumName, values: Object.keys(meanings), meanings, ...options });

/** `annualRevenue` → `annual_revenue`: the one rule by which fields and columns correspond. */
export const toSnakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `annualRevenue` → `ANNUAL_REVENUE`, as enum values are written in the API. */
export const toConstantCase = (name: string): string => toSnakeCase(name).toUpperCase();

/** `annualRevenue` → `annual revenue`, for descriptions. */
export const inWords = (name: string): string => toSnakeCase(name).replaceAll('_', ' ');

export const isNotNull = (field: Field): boolean =>
  field.required === true || field.default !== undefined || field.computed === 'notNull';

export const isWritable = (field: Field): boolean =>
  field.computed === undefined && field.readOnly !== true;
