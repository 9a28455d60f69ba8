/**
 * The only way to a tenant's tables (invariant 1). A session states its tenant inside every
 * transaction it opens, never on the connection (invariant 2), and leases a connection no longer
 * than it needs: for one statement, for one read view, or for one write transaction. `end()` ends
 * the view; nothing can be asked of a session afterwards.
 *
 * A write that comes to a tenant which has just moved is refused by the data source it left, before
 * anything is written. The session then finds out where the tenant is and does the write there.
 */
import { internalError } from '../errors';
import { SECOND } from '../lib/duration';
import { cancelRunning } from '../database/cancel-running';
import { createMigrationSource } from '../database/migration-source';
import { isMoved, translatePostgresError } from '../database/postgres-errors';
import { runScoped } from '../database/run-statement';
import type { SqlRunner, Statement } from '../database/statement';
import type { DataSource } from './directory';
import { fittingStatement, mayBeOlder } from './fitting-statement';
import { openTransaction, type OpenTransaction, type TransactionOptions } from './open-transaction';
import type { Lease, PoolManager } from './pools';
import { WAL_POSITION } from './session-replicas';
import { FOLLOW_MOVES_FOR_MS } from './relocate';
import type { SessionOptions, SessionTarget } from './session-options';
import type { OperationSession } from './session.port';

export type { SessionOptions, SessionTarget };

interface Held {
  readonly lease: Lease;
  readonly target: SessionTarget;
  readonly isReplica: boolean;
}

interface View extends SqlRunner, OpenTransaction {
  readonly dataSource: DataSource;
  /** Whether nothing is lost when it is begun anew on the primary. */
  mayBeginAnew(): boolean;
  query<Row>(statement: Statement): Promise<Row[]>;
}

export function createSession(
  pools: Pick<PoolManager, 'lease'>,
  resolveTarget: () => Promise<SessionTarget>,
  tenant: { readonly tenantId: string; readonly localTenantId: string },
  options: SessionOptions,
): OperationSession {
  const { statementTimeoutMs } = options;
  /** A move may give the tenant another; statements that were made before it name a former one. */
  let { localTenantId } = tenant;
  const formerIds = new Set<string>();
  /** What a cancellation has to reach. */
  const open = new Set<{ cancel(reason: Error): void }>();
  let expectedStatements = 1;
  /** Once anything was written, or a replica has failed, the primary it is. */
  let mayReadElsewhere = false;
  let view: Promise<View> | undefined;
  /** What whoever asks now is told; made for them, since most sessions end with nobody asking. */
  let stopped: (() => Error) | undefined;

  /** As the registry has it; asked only when a statement met something that is not there. */
  let schemaVersion: string | null = null;
  const schemaIsOlder = (): boolean =>
    schemaVersion !== (createMigrationSource('tenant').names.at(-1) ?? '');

  const translate = (error: unknown): Error =>
    stopped?.() ?? translatePostgresError(error, { statementTimeoutMs, schemaIsOlder });
  const refuseWhenStopped = (): void => {
    if (stopped !== undefined) throw stopped();
  };

  /** @param found just now, when somebody has looked. */
  async function lease(mode: TransactionOptions['mode'], found?: SessionTarget): Promise<Held> {
    refuseWhenStopped();
    const target = found ?? (await resolveTarget());
    ({ schemaVersion } = target.dataSource);
    const nearby = mode === 'read' ? await leaseNearby(target) : undefined;
    const held = nearby?.lease ?? (await pools.lease(target.dataSource, tenant.tenantId));
    // The request may have been given up while it waited.
    try {
      refuseWhenStopped();
    } catch (error) {
      held.release();
      throw error;
    }
    return nearby ?? { lease: held, target, isReplica: false };
  }

  /** A replica that cannot be had is the primary's work, and nobody's failure. */
  async function leaseNearby(target: SessionTarget): Promise<Held | undefined> {
    const replica = mayReadElsewhere ? options.replicas?.choose(target.dataSource) : undefined;
    if (replica === undefined) return undefined;
    try {
      const held = await pools.lease(replica, tenant.tenantId);
      return { lease: held, target: { ...target, dataSource: replica }, isReplica: true };
    } catch {
      mayReadElsewhere = false;
      return undefined;
    }
  }

  /** What a replica fails to answer is asked of the primary. */
  async function elseOfPrimary<T>(
    error: unknown,
    mayAskAgain: boolean,
    ask: () => Promise<T>,
  ): Promise<T> {
    if (!mayAskAgain || stopped !== undefined) throw error;
    mayReadElsewhere = false;
    return ask();
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
      options.onAnswer?.(target.dataSource, (performance.now() - startedAt) / SECOND, statement);
    }
  }

  async function begin(mode: TransactionOptions['mode']): Promise<View> {
    const { lease: held, target, isReplica } = await lease(mode);
    let answered = false;
    const { sessionStyle } = target.dataSource;
    const transaction = openTransaction(held, {
      mode,
      localTenantId: target.localTenantId,
      statementTimeoutMs,
      sessionStyle,
      author: options.author,
      translate,
    });
    open.add(transaction);
    return {
      ...transaction,
      localTenantId: target.localTenantId,
      query: (statement) => {
        const current = readdressed(statement);
        const send = async <Row>(text: Statement): Promise<Row[]> => {
          const rows = await observed(target, text, () => transaction.query<Row>(text));
          answered = true;
          return rows;
        };
        return mayBeOlder(current, target.dataSource)
          ? fittingStatement(current, send).then(send<never>)
          : send(current);
      },
      finish: (...command) =>
        transaction.finish(...command).finally(() => open.delete(transaction)),
      dataSource: target.dataSource,
      mayBeginAnew: () => isReplica && !answered,
    };
  }

  /** The id is a UUID: a value that equals it is nothing else. */
  function readdressed(statement: Statement): Statement {
    if (formerIds.size === 0) return statement;
    const values = statement.values.map((value) =>
      typeof value === 'string' && formerIds.has(value) ? localTenantId : value,
    );
    return { ...statement, values };
  }

  /** What a tenant that has moved refuses is undone, so that all of it can be done again. */
  async function followingMoves<T>(work: () => Promise<T>): Promise<T> {
    const until = performance.now() + FOLLOW_MOVES_FOR_MS;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (options.relocate === undefined || !isMoved(error)) throw error;
        if (performance.now() > until) throw error;
      }
      await options.relocate(attempt);
      const { localTenantId: current } = await resolveTarget();
      if (current !== localTenantId) formerIds.add(localTenantId);
      formerIds.delete(current);
      localTenantId = current;
    }
  }

  /** One statement in a transaction of its own. */
  async function queryAlone<Row>(given: Statement, found?: SessionTarget): Promise<Row[]> {
    const { lease: held, target, isReplica } = await lease('read', found);
    const statement = readdressed(given);
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
      const scope = {
        localTenantId: target.localTenantId,
        statementTimeoutMs,
        namedStatements,
      };
      const send = <R>(text: Statement): Promise<R[]> =>
        observed(target, text, () => runScoped<R>(held.client, text, scope));
      if (!mayBeOlder(statement, target.dataSource)) return await send(statement);
      return await send(await fittingStatement(statement, send));
    } catch (error) {
      failure = error;
      return await elseOfPrimary(translate(error), isReplica, () => queryAlone<Row>(given));
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
    return followingMoves(() => writeOnce(work));
  }

  async function writeOnce<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T> {
    const current = await begin('write');
    const tx: SqlRunner = {
      localTenantId: current.localTenantId,
      query: (statement) => current.query(statement),
    };
    let result: T;
    try {
      result = await work(tx);
    } catch (error) {
      // What the caller is told is the work's failure; a connection lost on the way is closed.
      await current.finish('rollback').catch(() => undefined);
      throw error;
    }
    await commit(current);
    return result;
  }

  async function commit(current: View): Promise<void> {
    const { replicas } = options;
    mayReadElsewhere = false;
    if (replicas?.mustKnowWrites(current.dataSource) !== true) {
      await current.finish('commit');
      return;
    }
    const row = (await current.finish('commit', WAL_POSITION)) as { position?: string } | undefined;
    replicas.noteWrite(current.dataSource, row?.position);
  }

  /** Until something of the view was answered it may be begun anew elsewhere: after that never. */
  async function queryView<Row>(statement: Statement): Promise<Row[]> {
    const opened = (view ??= begin('read'));
    const current = await opened;
    try {
      return await current.query<Row>(statement);
    } catch (error) {
      return elseOfPrimary(error, current.mayBeginAnew(), async () => {
        // Of those that failed together, the first.
        if (view === opened) await endView();
        return queryView<Row>(statement);
      });
    }
  }

  return {
    tenantId: tenant.tenantId,
    get localTenantId() {
      return localTenantId;
    },
    plan(statements, reads = 'primary') {
      expectedStatements = statements;
      mayReadElsewhere = reads === 'nearest';
    },
    async query<Row>(statement: Statement): Promise<Row[]> {
      refuseWhenStopped();
      if (expectedStatements <= 1 && view === undefined) {
        let found: SessionTarget | undefined = await resolveTarget();
        if (found.dataSource.sessionStyle === 'direct') {
          return followingMoves(() => {
            const target = found;
            found = undefined; // after a move it leads elsewhere
            return queryAlone<Row>(statement, target);
          });
        }
        return transaction((tx) => tx.query<Row>(statement));
      }
      return queryView<Row>(statement);
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
