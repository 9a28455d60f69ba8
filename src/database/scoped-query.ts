/**
 * A statement that states its tenant in the same breath.
 *
 * With the extended protocol, Bind/Execute of `set_config(…, true)` followed by Bind/Execute of the
 * statement and one Sync are a single implicit transaction: the setting is local to it, an error in
 * the first skips the second, and nothing remains on the connection afterwards, so PgBouncer in
 * transaction mode is safe. It costs one Bind instead of the round trips of BEGIN and COMMIT.
 */
import type { ClientBase } from 'pg';
import {
  StatementQuery,
  type DataRow,
  type ProtocolConnection,
  type QueryCallback,
  type StatementToSend,
} from './statement-query';

/** Also bounds the statement's time; it holds from the next message of the same transaction on. */
const SCOPE_TEXT =
  "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true)";
const SCOPE_NAME = 'cloister_scope';

/** Once for each connection that carries prepared statements, before the first ScopedQuery. */
export async function prepareScope(client: ClientBase): Promise<void> {
  await client.query({ name: SCOPE_NAME, text: SCOPE_TEXT, values: ['', '0'] });
}

export interface Scope {
  readonly localTenantId: string;
  readonly statementTimeoutMs: number;
  /** Whether the connection carries prepared statements, the scope's own among them. */
  readonly namedStatements: boolean;
}

export class ScopedQuery extends StatementQuery {
  #scopeDone = false;

  constructor(
    statement: StatementToSend,
    private readonly scope: Scope,
    callback: QueryCallback,
  ) {
    super(statement, callback);
    this.queryMode = 'extended';
  }

  override prepare(connection: ProtocolConnection): void {
    const values = [this.scope.localTenantId, String(this.scope.statementTimeoutMs)];
    if (this.scope.namedStatements) {
      connection.bind({ statement: SCOPE_NAME, values });
    } else {
      connection.parse({ text: SCOPE_TEXT });
      connection.bind({ values });
    }
    connection.execute({});
    super.prepare(connection);
  }

  /** The first row and the first completion belong to set_config, and nobody asked for them. */
  override handleDataRow(message: DataRow): void {
    if (this.#scopeDone) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: ProtocolConnection): void {
    if (this.#scopeDone) super.handleCommandComplete(message, connection);
    else this.#scopeDone = true;
  }
}
