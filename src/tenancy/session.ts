/**
 * The only way to a tenant's tables (invariant 1). A session states its tenant inside every
 * transaction it opens, never on the connection (invariant 2), and leases a connection no longer
 * than it needs: for one statement, for one read view, or for one write transaction.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { isAppError, tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import type { SqlRunner, Statement } from '../database/statement';
import { isConnectionLoss, translatePostgresError } from '../database/postgres-errors';
import { cancelRunning, runStatement } from '../database/run-statement';
import type { DataSource } from './directory';
import type { Lease, PoolManager } from './pools';
import type { OperationSession } from './session.port';

export interface SessionTarget {
  readonly tenantId: string;
  readonly localTenantId: string;
  readonly dataSource: DataSource;
}

export interface SessionOptions {
  readonly statementTimeoutMs: number;
  /** Called for each statement sent, for metrics and for tests that count them. */
  readonly onStatement?: (statement: Statement, target: SessionTarget) => void;
}

/** An open transaction on a leased connection. */
interface OpenTransaction {
  readonly lease: Lease;
  readonly runner: SqlRunner;
  failure: Error | undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const IDLE_IN_TRANSACTION_MS = 15 * SECOND;
/** A commit that nobody waits for may still not hold a connection for ever. */
const END_WITHIN_MS = 3 * SECOND;

export function createSession(
  pools: Pick<PoolManager, 'lease'>,
  resolveTarget: () => Promise<SessionTarget>,
  tenant: { readonly tenantId: string; readonly localTenantId: string },
  options: SessionOptions,
): OperationSession {
  const { statementTimeoutMs } = options;
  const busy = new Set<pg.ClientBase>();
  let expectedStatements = 1;
  let view: Promise<OpenTransaction> | undefined;
  let cancelled: Error | undefined;

  const translate = (error: unknown): Error =>
    cancelled ?? translatePostgresError(error, { statementTimeoutMs });

  async function lease(): Promise<{ lease: Lease; target: SessionTarget }> {
    if (cancelled !== undefined) throw cancelled;
    const target = await resolveTarget();
    return { lease: await pools.lease(target.dataSource), target };
  }

  async function run<Row>(
    held: Lease,
    target: SessionTarget,
    statement: Statement,
    implicit: boolean,
  ): Promise<Row[]> {
    options.onStatement?.(statement, target);
    busy.add(held.client);
    try {
      const { text, values, name } = statement;
      const named = name !== undefined && held.namedStatements ? { text, values, name } : { text, values };
      return await runStatement<Row>(
        held.client,
        named,
        implicit
          ? { localTenantId: tenant.localTenantId, statementTimeoutMs, namedStatements: held.namedStatements }
          : undefined,
      );
    } finally {
      busy.delete(held.client);
    }
  }

  /** BEGIN and the tenant go out together with the first statement: nothing waits for their answer. */
  async function begin(mode: string): Promise<OpenTransaction> {
    const { lease: held, target } = await lease();
    const opened: OpenTransaction = {
      lease: held,
      failure: undefined,
      runner: {
        localTenantId: tenant.localTenantId,
        async query(statement) {
          if (opened.failure !== undefined) throw opened.failure;
          try {
            return await run(held, target, statement, false);
          } catch (error) {
            // Later statements say what went wrong first, not "transaction is aborted".
            opened.failure ??= translate(error);
            throw opened.failure;
          }
        },
      },
    };
    const opening = [
      held.client.query(mode),
      target.dataSource.sessionStyle === 'direct'
        ? held.client.query(
            "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true)",
            [tenant.localTenantId, String(statementTimeoutMs), String(IDLE_IN_TRANSACTION_MS)],
          )
        : held.client.query(distributedScope(tenant.localTenantId, statementTimeoutMs)),
    ];
    for (const step of opening) {
      step.catch((error: unknown) => {
        opened.failure ??= translate(error);
      });
    }
    return opened;
  }

  async function finish(open: OpenTransaction, command: 'commit' | 'rollback'): Promise<void> {
    try {
      await open.lease.client.query(command);
      open.lease.release();
    } catch (error) {
      open.lease.release({ broken: true });
      throw error;
    }
  }

  async function endView(): Promise<void> {
    const ending = view;
    view = undefined;
    if (ending === undefined) return;
    const open = await ending.catch(() => undefined);
    if (open === undefined) return;
    const outcome = await Promise.race([
      finish(open, 'commit').then(
        () => 'ended' as const,
        // The view is over either way, and the connection is closed.
        () => 'ended' as const,
      ),
      delay(END_WITHIN_MS, 'late' as const, { ref: false }),
    ]);
    if (outcome === 'late') open.lease.release({ broken: true });
  }

  async function queryAlone<Row>(statement: Statement): Promise<Row[]> {
    const { lease: held, target } = await lease();
    let broken = false;
    try {
      return await run<Row>(held, target, statement, true);
    } catch (error) {
      broken = isConnectionLoss(error) || isAppError(error);
      throw translate(error);
    } finally {
      held.release({ broken });
    }
  }

  async function transaction<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T> {
    await endView();
    const open = await begin('begin').catch((error: unknown) => {
      throw translate(error);
    });
    let result: T;
    try {
      result = await work(open.runner);
      if (open.failure !== undefined) throw open.failure;
    } catch (error) {
      // What the caller is told is the work's failure; a connection lost on the way is closed.
      await finish(open, 'rollback').catch(() => undefined);
      throw error;
    }
    try {
      await finish(open, 'commit');
    } catch (error) {
      throw translate(error);
    }
    return result;
  }

  return {
    tenantId: tenant.tenantId,
    localTenantId: tenant.localTenantId,
    plan(statements) {
      expectedStatements = statements;
    },
    async query<Row>(statement: Statement): Promise<Row[]> {
      if (expectedStatements <= 1 && view === undefined) {
        const target = await resolveTarget();
        if (target.dataSource.sessionStyle === 'direct') return queryAlone<Row>(statement);
      }
      view ??= begin('begin isolation level repeatable read read only');
      const open = await view;
      return open.runner.query<Row>(statement);
    },
    transaction,
    end: endView,
    cancel(reason) {
      cancelled ??= reason;
      for (const client of busy) cancelRunning(client);
    },
  };
}

/** On a distributed engine parameters do not reach the workers, so the id is checked and written out. */
function distributedScope(localTenantId: string, statementTimeoutMs: number): string {
  if (!UUID.test(localTenantId)) throw tenantUnavailable('TENANT_ID_MISMATCH');
  return [
    "set local citus.propagate_set_commands = 'local'",
    `set local app.tenant_id = '${localTenantId}'`,
    `set local statement_timeout = ${Math.trunc(statementTimeoutMs)}`,
  ].join('; ');
}
