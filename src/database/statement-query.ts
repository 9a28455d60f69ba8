/**
 * pg's Query for one of our statements. pg copies what it is given property by property, and works
 * out anew for every answer how its rows are made; here the statement is handed over as it is, and
 * the parsers of a prepared statement are kept as long as the server describes its columns the same.
 */
import pg, { type FieldDef, type QueryResult } from 'pg';
import type { Statement } from './statement';

export type QueryCallback = (error: Error | null, result: QueryResult) => void;

/** What pg's connection can send, which its types leave out. */
export interface ProtocolConnection {
  parse(message: { text: string; name?: string }): void;
  bind(message: { statement?: string; values: readonly string[] }): void;
  execute(message: { rows?: number }): void;
}

/** One row as it comes. */
export interface DataRow {
  readonly fields: readonly (string | null)[];
}

interface Description {
  readonly fields: readonly FieldDef[];
}

/** The parts of pg's Query that its types leave out. */
interface QueryInternals {
  name: string | undefined;
  /** `extended` sends also a statement without values in messages of its own. */
  queryMode: 'extended' | undefined;
  _result: ResultInternals;
  _accumulateRows: unknown;
  prepare(connection: ProtocolConnection): void;
  handleRowDescription(message: Description): void;
  handleDataRow(message: DataRow): void;
  handleCommandComplete(message: unknown, connection: ProtocolConnection): void;
}
interface ResultInternals {
  /** The statement's own, else the connection's. */
  _types: object | undefined;
  fields: readonly FieldDef[];
  readonly rows: unknown[];
  _parsers: unknown;
  /** A row of nulls, of which each row is made. */
  _prebuiltEmptyResultObject: unknown;
  addFields(fields: readonly FieldDef[]): void;
}

const BaseQuery = pg.Query as unknown as new (
  text: string,
  values: readonly unknown[],
  callback: QueryCallback,
) => QueryInternals;

type RowMaker = Pick<ResultInternals, 'fields' | '_parsers' | '_prebuiltEmptyResultObject'>;

/** By what parses the columns, and the name of the statement: names are few. */
const rowMakers = new WeakMap<object, Map<string, RowMaker>>();

export type StatementToSend = Pick<Statement, 'text' | 'values'> & {
  readonly name?: string | undefined;
  readonly types?: Statement['types'] | undefined;
  readonly asTexts?: boolean | undefined;
};

export class StatementQuery extends BaseQuery {
  readonly #asTexts: boolean;

  constructor(
    { text, values, name, types, asTexts = false }: StatementToSend,
    callback: QueryCallback,
  ) {
    super(text, values, callback);
    this.name = name;
    this.#asTexts = asTexts;
    this._result._types = types;
  }

  /** Nobody reads what describes texts, so it is not asked for. */
  override prepare(connection: ProtocolConnection): void {
    super.prepare(this.#asTexts ? undescribing(connection) : connection);
  }

  override handleRowDescription(message: Description): void {
    const { name, _result: result } = this;
    if (name === undefined || result._types === undefined) {
      super.handleRowDescription(message);
      return;
    }
    const makers = rowMakers.get(result._types) ?? new Map<string, RowMaker>();
    rowMakers.set(result._types, makers);
    const known = makers.get(name);
    if (known !== undefined && areSame(known.fields, message.fields)) {
      // One by one: what is kept is shared by all answers, and pg only reads it.
      result.fields = known.fields;
      result._parsers = known._parsers;
      result._prebuiltEmptyResultObject = known._prebuiltEmptyResultObject;
    } else {
      result.addFields(message.fields);
      const { fields, _parsers, _prebuiltEmptyResultObject } = result;
      makers.set(name, { fields, _parsers, _prebuiltEmptyResultObject });
    }
    this._accumulateRows = true;
  }

  override handleDataRow(message: DataRow): void {
    if (this.#asTexts) this._result.rows.push(message.fields);
    else super.handleDataRow(message);
  }
}

const undescribed = new WeakMap<ProtocolConnection, ProtocolConnection>();

/** The connection, but for the message that asks what columns a statement has. */
function undescribing(connection: ProtocolConnection): ProtocolConnection {
  const known = undescribed.get(connection);
  if (known !== undefined) return known;
  const made = Object.create(connection, {
    describe: { value: () => undefined },
  }) as typeof connection;
  undescribed.set(connection, made);
  return made;
}

const areSame = (some: readonly FieldDef[], others: readonly FieldDef[]): boolean =>
  some.length === others.length &&
  some.every((field, place) => {
    const other = others[place];
    return (
      other?.name === field.name &&
      other.dataTypeID === field.dataTypeID &&
      other.format === field.format
    );
  });
