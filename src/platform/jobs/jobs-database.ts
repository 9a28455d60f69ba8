/**
 * The few connections of a process to its jobs in the registry, apart from those that serve
 * requests: neither can starve the other. Owned by whoever made it, and closed by `close`.
 */
import pg from 'pg';
import type { Config } from '../../config';
import { parseConnectionUrl, toClientConfig } from '../../database/connection-url';
import { SECOND } from '../../lib/duration';

/** Runs SQL. The form in which pg-boss wants its database. */
export interface JobsExecutor {
  executeSql<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[] }>;
}

export interface JobsDatabase extends JobsExecutor {
  transaction<T>(work: (tx: JobsExecutor) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 3;
const IDLE_MS = 30 * SECOND;
const STATEMENT_TIMEOUT_MS = 5 * SECOND;
/** The same on our side, for a server that has fallen silent. */
const ANSWER_WITHIN_MS = 6 * SECOND;

/** Nothing is connected until the first statement. */
export function createJobsDatabase(config: Pick<Config, 'registry' | 'pools'>): JobsDatabase {
  const pool = new pg.Pool({
    ...toClientConfig(parseConnectionUrl(config.registry.url)),
    application_name: 'cloister-jobs',
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: config.pools.connectTimeoutMs,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_WITHIN_MS,
    keepAlive: true,
  });
  // An idle connection that breaks is dropped by the pool; the next statement finds out.
  pool.on('error', () => undefined);

  const onClient = async <T>(work: (tx: JobsExecutor) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    // What breaks it fails the statement; the event besides would end the process.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let failed = true;
    try {
      const result = await work({
        executeSql: async <Row>(text: string, values?: readonly unknown[]) => {
          const { rows } = await client.query(text, values as unknown[] | undefined);
          return { rows: rows as Row[] };
        },
      });
      failed = false;
      return result;
    } finally {
      client.off('error', ignore);
      // One that failed may be in the middle of a transaction that pg-boss has begun.
      client.release(failed);
    }
  };

  return {
    executeSql: (text, values) => onClient((tx) => tx.executeSql(text, values)),
    transaction: (work) =>
      onClient(async (tx) => {
        await tx.executeSql('begin');
        const result = await work(tx);
        await tx.executeSql('commit');
        return result;
      }),
    close: () => pool.end(),
  };
}
