/**
 * The only way to a tenant's tables (invariant 1). A session states its tenant inside every
 * transaction it opens, never on the connection (invariant 2), and leases a connection no longer
 * than it needs: for one statement, for one read view, or for one write transaction. `end()` ends
 * the view; nothing can be asked of a session afterwards.
 */
import { internalError } from '../errors';
import { SECOND } from '../lib/duration';
import { cancelRunning } from '../database/cancel-running';
import { translatePostgresError } from '../database/postgres-errors';
import { runScoped } from '../database/run-statement';
import type { SqlRunner, Statement } from '../database/statement';
import type { DataSource } from './directory';
import { openTransaction, type OpenTransaction, type TransactionOptions } from './open-transaction';
import type { Lease, PoolManager } from './pools';
import type { OperationSession } from './session.port';

export interface SessionTarget {
  readonly tenantId: string;
  readonly localTenantId: string;
  readonly dataSource: DataSource;
}

export interface SessionOptions {
  readonly statementTimeoutMs: number;
  /** Called for each statement sent, for tests that count them. */
  readonly onStatement?: (statement: Statement, target: SessionTarget) => void;
  /** Called when a statement has been answered, for metrics. */
  readonly onAnswer?: (dataSource: DataSource, seconds: number) => void;
}

export function createSession(
  pools: Pick<PoolManager, 'lease'>,
  resolveTarget: () => Promise<SessionTarget>,
  tenant: { readonly tenantId: string; readonly localTenantId: string },
  options: SessionOptions,
): OperationSession {
  const { statementTimeoutMs } = options;
  const { localTenantId } = tenant;
  /** What a cancellation has to reach. */
  const open = new Set<{ cancel(reason: Error): void }>();
  let expectedStatements = 1;
  let view: Promise<SqlRunner & OpenTransaction> | undefined;
  /** What whoever asks now is told; made for them, since most sessions end with nobody asking. */
  let stopped: (() => Error) | undefined;

  const translate = (error: unknown): Error =>
    stopped?.() ?? translatePostgresError(error, { statementTimeoutMs });
  const refuseWhenStopped = (): void => {
    if (stopped !== undefined) throw stopped();
  };

  async function lease(): Promise<{ lease: Lease; target: SessionTarget }> {
    refuseWhenStopped();
    const target = await resolveTarget();
    const held = await pools.lease(target.dataSource);
    // The request may have been given up while it waited.
    try {
      refuseWhenStopped();
    } catch (error) {
      held.release();
      throw error;
    }
    return { lease: held, target };
  }

  async function observed<T>(
    target: SessionTarget,
    statement: Statement,
    work: () => Promise<T>,
  ): Promise<T> {
    options.onStatement?.(statement, target);
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      options.onAnswer?.(target.dataSource, (performance.now() - startedAt) / SECOND);
    }
  }

  async function begin(mode: TransactionOptions['mode']): Promise<SqlRunner & OpenTransaction> {
    const { lease: held, target } = await lease();
    const { sessionStyle } = target.dataSource;
    const transaction = openTransaction(held, {
      mode,
      localTenantId,
      statementTimeoutMs,
      sessionStyle,
      translate,
    });
    open.add(transaction);
    return {
      ...transaction,
      localTenantId,
      query: (statement) => observed(target, statement, () => transaction.query(statement)),
      finish: (command) => transaction.finish(command).finally(() => open.delete(transaction)),
    };
  }

  /** One statement in a transaction of its own. */
  async function queryAlone<Row>(statement: Statement): Promise<Row[]> {
    const { lease: held, target } = await lease();
    const running = {
      cancel: () => {
        held.spoil();
        cancelRunning(held.client);
      },
    };
    open.add(running);
    let failure: unknown;
    try {
      const { namedStatements } = held;
      const scope = { localTenantId, statementTimeoutMs, namedStatements };
      return await observed(target, statement, () => runScoped<Row>(held.client, statement, scope));
    } catch (error) {
      failure = error;
      throw translate(error);
    } finally {
      open.delete(running);
      held.release(failure);
    }
  }

  async function endView(): Promise<void> {
    const ending = view;
    view = undefined;
    // A view that could not be opened has told so to whoever asked for it.
    const current = await ending?.catch(() => undefined);
    if (current === undefined) return;
    // Nothing was written, so nothing is lost with a view whose end fails.
    await current.finish('commit').catch(() => undefined);
  }

  async function transaction<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T> {
    await endView();
    const current = await begin('write');
    let result: T;
    try {
      result = await work({ localTenantId, query: (statement) => current.query(statement) });
    } catch (error) {
      // What the caller is told is the work's failure; a connection lost on the way is closed.
      await current.finish('rollback').catch(() => undefined);
      throw error;
    }
    await current.finish('commit');
    return result;
  }

  return {
    ...tenant,
    plan(statements) {
      expectedStatements = statements;
    },
    async query<Row>(statement: Statement): Promise<Row[]> {
      refuseWhenStopped();
      if (expectedStatements <= 1 && view === undefined) {
        const { dataSource } = await resolveTarget();
        if (dataSource.sessionStyle === 'direct') return queryAlone<Row>(statement);
        return transaction((tx) => tx.query<Row>(statement));
      }
      view ??= begin('read');
      const current = await view;
      return current.query<Row>(statement);
    },
    transaction,
    async end() {
      stopped ??= () => internalError('The session has ended: nothing more can be asked of it.');
      await endView();
    },
    cancel(reason) {
      stopped ??= () => reason;
      for (const running of open) running.cancel(reason);
    },
  };
}
