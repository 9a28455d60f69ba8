/** Data sources for tests of pools and sessions, without a registry: a database, maybe behind a proxy. */
import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { parseConnectionUrl } from '../../src/database/connection-url';
import type { DataSource } from '../../src/tenancy/directory';
import {
  createPoolManager,
  type PoolManager,
  type PoolManagerOptions,
} from '../../src/tenancy/pools';
import { createSession, type SessionOptions } from '../../src/tenancy/session';
import type { OperationSession } from '../../src/tenancy/session.port';

export function dataSourceAt(url: string, change: Partial<DataSource> = {}): DataSource {
  const id = uuidv7();
  return {
    id,
    name: `source-${id.slice(-6)}`,
    placement: 'shared',
    region: 'default',
    connection: parseConnectionUrl(url),
    poolMin: 0,
    poolMax: 5,
    sessionStyle: 'direct',
    namedStatements: true,
    schemaVersion: null,
    revision: 1,
    ...change,
  };
}

export const testPools = (change: Partial<PoolManagerOptions> = {}): PoolManager =>
  createPoolManager({
    connectionBudget: 20,
    leaseQueueLimit: 1000,
    leaseTimeoutMs: 2500,
    connectTimeoutMs: 2000,
    idleTtlMs: 60_000,
    ...change,
  });

export function openSessionOn(
  pools: Pick<PoolManager, 'lease'>,
  dataSource: DataSource,
  tenantId: string,
  options: Partial<SessionOptions> = {},
): OperationSession {
  const ids = { tenantId, localTenantId: tenantId };
  return createSession(pools, () => Promise.resolve({ ...ids, dataSource }), ids, {
    statementTimeoutMs: 4000,
    ...options,
  });
}

/** One statement past the pools, for looking at the server from outside. */
export async function ask<Row = Record<string, unknown>>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** Looks again until what it sees holds. @throws Error when it does not within `limitMs`. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  holds: (seen: T) => boolean,
  limitMs = 5000,
): Promise<T> {
  const until = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > until)
      throw new Error(`Not so within ${limitMs} ms; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
