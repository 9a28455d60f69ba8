/**
 * A pool's connection: takes its place in the process's budget before it connects, is connected,
 * prepared and looked at within one time limit, and gives its place back when its socket has closed,
 * which it does soon after `end()` even when the server is silent.
 */
import pg from 'pg';
import { SECOND } from '../lib/duration';
import { destroyConnection } from '../database/pg-internals';
import type { ConnectionBudget } from './connection-budget';

export interface BudgetedClientOptions {
  readonly budget: Pick<ConnectionBudget, 'tryTake' | 'give'>;
  readonly connectTimeoutMs: number;
  /** Makes a new connection ready to serve; when it throws, there is no connection. */
  readonly prepare: (client: pg.ClientBase) => Promise<void>;
  readonly onOpen: (client: pg.ClientBase) => void;
  readonly onClosed: (client: pg.ClientBase) => void;
}

/** The budget had no place left for the connection. */
export class NoPlaceError extends Error {
  override readonly name = 'NoPlaceError';
}

type Report = (error: Error | null | undefined) => void;

const GOODBYE_WITHIN_MS = 1 * SECOND;

export function budgetedClientClass(options: BudgetedClientOptions): typeof pg.Client {
  const { budget, connectTimeoutMs, prepare, onOpen, onClosed } = options;

  class BudgetedClient extends pg.Client {
    /** pg-pool connects by callback. */
    override connect(): Promise<pg.Client>;
    override connect(report: Report): void;
    override connect(report?: Report): Promise<pg.Client> | void {
      const connecting = this.#connect();
      if (report === undefined) return connecting;
      connecting.then(() => report(null), report);
    }

    async #connect(): Promise<pg.Client> {
      if (!budget.tryTake()) throw new NoPlaceError('The connection budget has no place left.');
      onOpen(this);
      this.once('end', () => this.#giveBack());
      // Also cuts a connection that falls silent while it is prepared.
      const limit = setTimeout(() => destroyConnection(this), connectTimeoutMs);
      // What breaks a connection is told to whoever waits for it. The event besides would, with
      // nobody listening, end the process: the pool does not listen while a connection is leased.
      this.on('error', () => undefined);
      try {
        await super.connect();
        await prepare(this);
      } catch (error) {
        // A connection that never came to be may never end either.
        destroyConnection(this);
        this.#giveBack();
        throw error;
      } finally {
        clearTimeout(limit);
      }
      return this;
    }

    #holdsPlace = true;
    #giveBack(): void {
      if (!this.#holdsPlace) return;
      this.#holdsPlace = false;
      onClosed(this);
      budget.give();
    }

    override end(): Promise<void>;
    override end(done: (error: Error) => void): void;
    override end(done?: (error: Error) => void): Promise<void> | void {
      const limit = setTimeout(() => destroyConnection(this), GOODBYE_WITHIN_MS);
      limit.unref();
      this.once('end', () => clearTimeout(limit));
      return done === undefined ? super.end() : super.end(done);
    }
  }
  return BudgetedClient;
}

/** Closes a connection that is leased, in the place of giving it back to its pool. */
export async function closeAndWait(client: pg.PoolClient): Promise<void> {
  const closed = whenClosed(client);
  client.release(true);
  await closed;
}

export const whenClosed = (client: pg.ClientBase): Promise<void> =>
  new Promise((resolve) => client.once('end', () => resolve()));
