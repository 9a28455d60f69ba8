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
import { cancelRunning } from '../database/cancel-running';
import { createMigrationSource } from '../database/migration-source';
import { translatePostgresError } from '../database/postgres-errors';
import { runScoped } from '../database/run-statement';
import type { SqlRunner, Statement } from '../database/statement';
import type { DataSource } from './directory';
import { fittingStatement, mayBeOlder } from './fitting-statement';
import type { TransactionOptions } from './open-transaction';
import { LocalTenantId } from './local-tenant-id';
import type { PoolManager } from './pools';
import { WAL_POSITION } from './session-replicas';
import { followingMoves } from './relocate';
import type { SessionOptions, SessionTarget } from './session-options';
import { scopeInOneFlight } from './transaction-scope';
import { observed, openView, type Held, type View } from './session-view';
import type { OperationSession } from './session.port';

export type { SessionOptions, SessionTarget };

/** At once where it is known. */
export type ResolveTarget = () => SessionTarget | Promise<SessionTarget>;

export function createSession(
  pools: Pick<PoolManager, 'lease'>,
  resolveTarget: ResolveTarget,
  tenant: { readonly tenantId: string; readonly localTenantId: string },
  options: SessionOptions,
): OperationSession {
  return new Session(pools, resolveTarget, tenant, options);
}

/** A class for the sake of what each request pays: one object instead of a closure for each method. */
class Session implements OperationSession {
  readonly tenantId: string;
  readonly #address: LocalTenantId;
  /** What a cancellation has to reach. */
  readonly #open = new Set<{ cancel(reason: Error): void }>();
  #expectedStatements = 1;
  /** Once anything was written, or a replica has failed, the primary it is. */
  #mayReadElsewhere = false;
  #view: Promise<View> | undefined;
  /** What whoever asks now is told; made for them, since most sessions end with nobody asking. */
  #stopped: (() => Error) | undefined;
  /** As the registry has it; asked only when a statement met something that is not there. */
  #schemaVersion: string | null = null;

  constructor(
    private readonly pools: Pick<PoolManager, 'lease'>,
    private readonly resolveTarget: ResolveTarget,
    tenant: { readonly tenantId: string; readonly localTenantId: string },
    private readonly options: SessionOptions,
  ) {
    this.tenantId = tenant.tenantId;
    this.#address = new LocalTenantId(tenant.localTenantId);
  }

  get localTenantId(): string {
    return this.#address.current;
  }

  plan(statements: number, reads: 'nearest' | 'primary' = 'primary'): void {
    this.#expectedStatements = statements;
    this.#mayReadElsewhere = reads === 'nearest';
  }

  async query<Row>(statement: Statement): Promise<Row[]> {
    this.#refuseWhenStopped();
    if (this.#expectedStatements > 1 || this.#view !== undefined) return this.#queryView(statement);
    const resolved = this.resolveTarget();
    let found: SessionTarget | undefined = resolved instanceof Promise ? await resolved : resolved;
    if (found.dataSource.sessionStyle !== 'direct') {
      return this.#followingMoves(() => this.#transactAlone<Row>(statement));
    }
    return this.#followingMoves(() => {
      const target = found;
      found = undefined; // after a move it leads elsewhere
      return this.#inOneFlight<Row>('read', statement, target);
    });
  }

  async transaction<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T> {
    await this.#endView();
    return this.#followingMoves(() => this.#writeOnce(work));
  }

  async write<Row>(statement: Statement): Promise<Row[]> {
    await this.#endView();
    return this.#followingMoves(async () => {
      const target = await this.resolveTarget();
      const { dataSource } = target;
      const isPlain =
        dataSource.sessionStyle === 'direct' &&
        !mayBeOlder(statement, dataSource) &&
        this.options.replicas?.mustKnowWrites(dataSource) !== true;
      if (!isPlain) return this.#writeOnce((tx) => tx.query<Row>(statement));
      this.#mayReadElsewhere = false;
      return this.#inOneFlight<Row>('write', statement, target);
    });
  }

  async end(): Promise<void> {
    this.#stopped ??= () =>
      internalError('The session has ended: nothing more can be asked of it.');
    await this.#endView();
  }

  cancel(reason: Error): void {
    this.#stopped ??= () => reason;
    for (const running of this.#open) running.cancel(reason);
  }

  #translate(error: unknown): Error {
    const { statementTimeoutMs } = this.options;
    const schemaIsOlder = (): boolean =>
      this.#schemaVersion !== (createMigrationSource('tenant').names.at(-1) ?? '');
    return (
      this.#stopped?.() ?? translatePostgresError(error, { statementTimeoutMs, schemaIsOlder })
    );
  }

  #refuseWhenStopped(): void {
    if (this.#stopped !== undefined) throw this.#stopped();
  }

  /** @param found just now, when somebody has looked. */
  async #lease(mode: TransactionOptions['mode'], found?: SessionTarget): Promise<Held> {
    this.#refuseWhenStopped();
    const target = found ?? (await this.resolveTarget());
    this.#schemaVersion = target.dataSource.schemaVersion;
    const replica =
      mode === 'read' && this.#mayReadElsewhere
        ? this.options.replicas?.choose(target.dataSource)
        : undefined;
    const nearby = replica && (await this.#leaseNearby(replica, target));
    const held = nearby?.lease ?? (await this.pools.lease(target.dataSource, this.tenantId));
    // The request may have been given up while it waited.
    try {
      this.#refuseWhenStopped();
    } catch (error) {
      held.release();
      throw error;
    }
    return nearby ?? { lease: held, target, isReplica: false };
  }

  /** A replica that cannot be had is the primary's work, and nobody's failure. */
  async #leaseNearby(replica: DataSource, target: SessionTarget): Promise<Held | undefined> {
    try {
      const held = await this.pools.lease(replica, this.tenantId);
      return { lease: held, target: { ...target, dataSource: replica }, isReplica: true };
    } catch {
      this.#mayReadElsewhere = false;
      return undefined;
    }
  }

  /** What a replica fails to answer is asked of the primary. */
  async #elseOfPrimary<T>(error: unknown, mayAskAgain: boolean, ask: () => Promise<T>): Promise<T> {
    if (!mayAskAgain || this.#stopped !== undefined) throw error;
    this.#mayReadElsewhere = false;
    return ask();
  }

  async #begin(mode: TransactionOptions['mode']): Promise<View> {
    return openView(await this.#lease(mode), {
      mode,
      session: this.options,
      address: this.#address,
      open: this.#open,
      translate: (error) => this.#translate(error),
    });
  }

  #followingMoves<T>(work: () => Promise<T>): Promise<T> {
    return followingMoves(work, this.options.relocate, async () =>
      this.#address.moveTo((await this.resolveTarget()).localTenantId),
    );
  }

  /** One statement in an implicit transaction, which is committed when all of it has succeeded. */
  async #inOneFlight<Row>(
    mode: 'read' | 'write',
    given: Statement,
    found?: SessionTarget,
  ): Promise<Row[]> {
    const { lease: held, target, isReplica } = await this.#lease(mode, found);
    const statement = this.#address.readdressed(given);
    const running = {
      cancel: () => {
        held.spoil();
        cancelRunning(held.client);
      },
    };
    this.#open.add(running);
    let failure: unknown;
    try {
      const { namedStatements } = held;
      const { statementTimeoutMs, author } = this.options;
      const { localTenantId } = target;
      const stating = scopeInOneFlight({ mode, localTenantId, statementTimeoutMs, author });
      const scope = { stating, statementTimeoutMs, namedStatements };
      const send = <R>(text: Statement): Promise<R[]> =>
        observed(this.options, target, text, () => runScoped<R>(held.client, text, scope));
      if (!mayBeOlder(statement, target.dataSource)) return await send(statement);
      return await send(await fittingStatement(statement, send));
    } catch (error) {
      failure = error;
      const again = (): Promise<Row[]> => this.#inOneFlight<Row>('read', given);
      return await this.#elseOfPrimary(this.#translate(error), isReplica, again);
    } finally {
      this.#open.delete(running);
      held.release(failure);
    }
  }

  async #endView(): Promise<void> {
    const ending = this.#view;
    if (ending === undefined) return;
    this.#view = undefined;
    // A view that could not be opened has told so to whoever asked for it.
    const current = await ending.catch(() => undefined);
    if (current === undefined) return;
    // Nothing was written, so nothing is lost with a view whose end fails.
    await current.finish('commit').catch(() => undefined);
  }

  async #writeOnce<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T> {
    const current = await this.#begin('write');
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
    await this.#commit(current);
    return result;
  }

  /** One statement where the tenant takes an explicit transaction: BEGIN to COMMIT in one flight. */
  async #transactAlone<Row>(statement: Statement): Promise<Row[]> {
    const current = await this.#begin('alone');
    const older = mayBeOlder(statement, current.dataSource);
    const rows = current.query<Row>(statement);
    // What has to be asked first which text fits is not sent yet.
    if (older) await rows.catch(() => undefined);
    const ending = current.finish('commit');
    // What failed in between is told by the statement.
    ending.catch(() => undefined);
    const answer = await rows;
    await ending;
    return answer;
  }

  async #commit(current: View): Promise<void> {
    const { replicas } = this.options;
    this.#mayReadElsewhere = false;
    if (replicas?.mustKnowWrites(current.dataSource) !== true) {
      await current.finish('commit');
      return;
    }
    const row = (await current.finish('commit', WAL_POSITION)) as { position?: string } | undefined;
    replicas.noteWrite(current.dataSource, row?.position);
  }

  /** Until something of the view was answered it may be begun anew elsewhere: after that never. */
  async #queryView<Row>(statement: Statement): Promise<Row[]> {
    const opened = (this.#view ??= this.#begin('read'));
    const current = await opened;
    try {
      return await current.query<Row>(statement);
    } catch (error) {
      return this.#elseOfPrimary(error, current.mayBeginAnew(), async () => {
        // Of those that failed together, the first.
        if (this.#view === opened) await this.#endView();
        return this.#queryView<Row>(statement);
      });
    }
  }
}
