import type { SqlRunner, Statement } from '../database/statement';

/**
 * One tenant's tables, for as long as it is held. There is no other way to them (invariant 1):
 * a session cannot exist without a tenant, and nothing above it can get at a pool.
 */
export interface TenantSession extends SqlRunner {
  /** The tenant's id in the registry. */
  readonly tenantId: string;
  /**
   * Runs work in one read-write transaction, committed before the promise resolves, rolled back
   * when the work throws. Does not nest. The work is run again, from its start, when the tenant turns
   * out to have moved to another data source: what it does beside the transaction must bear that.
   */
  transaction<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T>;
  /**
   * A transaction of this one statement, stated, run and committed in one flight where that is
   * possible.
   */
  write<Row>(statement: Statement): Promise<Row[]>;
}

/**
 * The session of one GraphQL operation. `query` reads through the operation's one view
 * (invariant 7): a single implicit transaction when one statement is expected, else a lazily opened
 * REPEATABLE READ READ ONLY transaction.
 */
export interface OperationSession extends TenantSession {
  /**
   * States how many statements the selection needs; called once, before execution.
   * @param reads `nearest` for an operation that only reads: a replica will do, as long as it has
   * what this reader has written. Without it everything is read where it is written.
   */
  plan(expectedStatements: number, reads?: 'nearest' | 'primary'): void;
  /** Ends the view and gives the connection back; safe to call twice. Not awaited by a response. */
  end(): Promise<void>;
  /** Cancels what is running in the database (client gone, deadline passed). */
  cancel(reason: Error): void;
}
