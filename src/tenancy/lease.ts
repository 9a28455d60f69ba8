/** What a pool gives, and what it tells of itself. */
import type pg from 'pg';
import type { BreakerState } from './breaker';

export interface Lease {
  readonly client: pg.PoolClient;
  readonly namedStatements: boolean;
  /** Gives the connection back; safe to call twice. @param failure what pg threw at the last use, if it did. */
  release(failure?: unknown): void;
  /** The connection is to be closed when it is given back. */
  spoil(): void;
}

export interface PoolStats {
  readonly dataSource: string;
  readonly open: number;
  readonly idle: number;
  readonly leased: number;
  readonly waiting: number;
  readonly max: number;
  readonly breaker: BreakerState;
}
