/**
 * Bind and Execute of `set_config(…, true)`, Bind and Execute of a named statement, one Sync: one
 * implicit transaction and one round trip.
 */
import pg from 'pg';

export const SCOPE_STATEMENT = {
  name: 'scope',
  text: "select set_config('app.tenant_id', $1, true)",
  values: [''],
};

interface Protocol {
  bind(message: { statement: string; values: readonly string[] }): void;
  execute(message: object): void;
}

interface QueryInternals {
  prepare(connection: Protocol): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Protocol): void;
}

type Done = (error: Error | null, result: pg.QueryResult) => void;

/** The parts of pg's Query that its types leave out. */
const Query = pg.Query as unknown as new (config: object, done: Done) => QueryInternals;

export class ScopedQuery extends Query {
  #scoped = false;

  constructor(
    statement: { name: string; text: string; values: readonly unknown[] },
    private readonly tenant: string,
    done: Done,
  ) {
    super(statement, done);
  }

  override prepare(connection: Protocol): void {
    connection.bind({ statement: SCOPE_STATEMENT.name, values: [this.tenant] });
    connection.execute({});
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#scoped) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Protocol): void {
    if (this.#scoped) super.handleCommandComplete(message, connection);
    else this.#scoped = true;
  }
}
