/** What a session is opened on, and what it is told. */
import type { Statement } from '../database/statement';
import type { DataSource } from './directory';
import type { Author } from './transaction-scope';
import type { SessionReplicas } from './session-replicas';

export interface SessionTarget {
  readonly tenantId: string;
  readonly localTenantId: string;
  readonly dataSource: DataSource;
}

export interface SessionOptions {
  readonly statementTimeoutMs: number;
  /** Whom the change log names for what this session writes. */
  readonly author?: Author | undefined;
  /** Makes `resolveTarget` lead to where the tenant has moved, or waits a little when that is not known yet. */
  readonly relocate?: (attempt: number) => Promise<void>;
  readonly replicas?: SessionReplicas | undefined;
  /** Called for each statement sent, for tests that count them. */
  readonly onStatement?: (statement: Statement, target: SessionTarget) => void;
  /** Called when a statement has been answered, for metrics. */
  readonly onAnswer?: (dataSource: DataSource, seconds: number, statement: Statement) => void;
}
