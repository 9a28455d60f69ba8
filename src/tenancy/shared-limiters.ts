/**
 * Limits that all processes share, counted in the registry: with ten processes an account gets ten
 * wrong passwords, not a hundred. While the registry cannot be reached each process counts for itself.
 * That is no way around them: log-in needs the registry's index, so nothing can be tried meanwhile.
 *
 * A refused attempt is written too. Addresses over their limit are remembered by the process for the
 * rest of their time, so that a flood from one costs the registry nothing; accounts are not, for a
 * password reset on another process must let them in again.
 */
import type { Knex } from 'knex';
import {
  RateLimiterMemory,
  RateLimiterPostgres,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';
import { HOUR, MINUTE, SECOND } from '../lib/duration';
import { within } from '../lib/within';
import { Breaker } from './breaker';

export interface SharedLimiters {
  create(options: SharedLimiterOptions): RateLimiterAbstract;
  close(): void;
}

export interface SharedLimiterOptions {
  readonly name: string;
  readonly points: number;
  readonly windowSeconds: number;
}

interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What Knex does not type: its pool, which hands out clients of the driver. */
interface PooledKnex {
  acquireConnection(): Promise<{ query(query: Query): Promise<unknown> }>;
  releaseConnection(connection: unknown): Promise<void>;
}

/** Far more than it takes, and little beside what a log-in may wait. */
const ANSWER_WITHIN_MS = SECOND;
const PRUNE_EVERY_MS = 10 * MINUTE;

export function createSharedLimiters(registryDb: Knex): SharedLimiters {
  const pool = registryDb.client as PooledKnex;
  // A log-in counts several times: only the first of them waits for a registry that does not answer.
  const breaker = new Breaker({ threshold: 1 });

  // Without the library's names: named statements fail behind older PgBouncers.
  async function send({ text, values }: Query): Promise<unknown> {
    const connection = await pool.acquireConnection();
    try {
      return await connection.query({ text, values });
    } finally {
      await pool.releaseConnection(connection);
    }
  }

  const storeClient = {
    async query(query: Query): Promise<unknown> {
      if (breaker.pass() === 'refused') throw new Error('The registry did not answer just now.');
      try {
        const answer = await within(ANSWER_WITHIN_MS, send(query));
        breaker.succeed();
        return answer;
      } catch (error) {
        breaker.fail();
        throw error;
      }
    },
  };
  const pruning = setInterval(() => {
    pruneRateLimits(registryDb).catch(() => undefined); // the next round gets them too
  }, PRUNE_EVERY_MS);
  pruning.unref();

  return {
    create({ name, points, windowSeconds }) {
      const options = { keyPrefix: name, points, duration: windowSeconds };
      return new RateLimiterPostgres({
        ...options,
        storeClient,
        storeType: 'pool',
        schemaName: 'registry',
        tableName: 'rate_limits',
        tableCreated: true,
        clearExpiredByTimeout: false,
        insuranceLimiter: new RateLimiterMemory(options),
        ...(name.endsWith('-address') ? { inMemoryBlockOnConsumed: points + 1 } : {}),
      });
    },
    close: () => clearInterval(pruning),
  };
}

/** Removes what has lapsed; repeatable, by any process. */
export async function pruneRateLimits(registryDb: Knex): Promise<number> {
  return registryDb('registry.rate_limits')
    .where('expire', '<', Date.now() - HOUR)
    .delete();
}
