/**
 * A `pg` pool wrapped by Knex, so that a prepared statement on a raw connection and an ordinary Knex
 * query use the same few connections. It bounds neither waiting nor time: whoever owns it does.
 */
import pg from 'pg';
import knex, { type Knex } from 'knex';
import { SECOND } from '../lib/duration';
import { toClientConfig } from '../database/connection-url';
import { typeParsers } from '../database/type-parsers';
import type { DataSource } from './directory';

export interface KnexPool {
  readonly pool: pg.Pool;
  acquire(): Promise<pg.PoolClient>;
}

/** Idle connections close after this, so that a quiet pool holds nothing (`min` is 0). */
const IDLE_CONNECTION_MS = 30 * SECOND;

export function createKnexPool(
  { connection, poolMin, poolMax }: DataSource,
  Client: typeof pg.Client,
): KnexPool {
  const pool = new pg.Pool({
    ...toClientConfig(connection),
    Client,
    application_name: 'cloister',
    min: poolMin,
    max: poolMax,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    keepAlive: true,
    types: typeParsers,
    pipeline: true,
  });
  // An idle connection that breaks is dropped by the pool; the next lease finds out what is wrong.
  pool.on('error', () => undefined);
  const log = { warn: () => undefined }; // it would print addresses
  const wrapped = knex({ client: 'pg', connectionPool: pool, version: '13', log } as Knex.Config);
  const client = wrapped.client as Knex.Client;
  return { pool, acquire: () => client.acquireConnection() as Promise<pg.PoolClient> };
}
