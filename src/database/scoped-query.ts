/**
 * A statement that states its tenant in the same breath.
 *
 * With the extended protocol, Bind/Execute of `set_config(…, true)` followed by Bind/Execute of the
 * statement and one Sync are a single implicit transaction: the setting is local to it, an error in
 * the first skips the second, and nothing remains on the connection afterwards, so PgBouncer in
 * transaction mode is safe. It costs one Bind instead of the round trips of BEGIN and COMMIT.
 */
import type { ClientBase } from 'pg';
import type { Statement } from './statement';
import {
  StatementQuery,
  type DataRow,
  type ProtocolConnection,
  type QueryCallback,
  type StatementToSend,
} from './statement-query';

/** States the tenant, before another statement of the same transaction; its values are texts. */
export interface ScopeStatement extends Statement {
  readonly name: string;
  readonly values: readonly string[];
}

/** Also bounds the statement's time; it holds from the next message of the same transaction on. */
export const readScope = (localTenantId: string, statementTimeoutMs: number): ScopeStatement => ({
  name: 'cloister_scope',
  text: "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true)",
  values: [localTenantId, String(statementTimeoutMs)],
});

/** Once for each connection that carries prepared statements, before a ScopedQuery with any of these. */
export async function prepareScopes(
  client: ClientBase,
  scopes: readonly ScopeStatement[],
): Promise<void> {
  for (const { name, text, values } of scopes) {
    await client.query({ name, text, values: [...values] });
  }
}

export interface Scope {
  readonly stating: ScopeStatement;
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
    const { stating, namedStatements } = this.scope;
    const { name, text, values } = stating;
    if (namedStatements) {
      connection.bind({ statement: name, values });
    } else {
      connection.parse({ text });
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
