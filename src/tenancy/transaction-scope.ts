/**
 * How a transaction states its tenant.
 *
 * *direct*: `set_config(…, true)` with parameters, one statement for everything.
 *
 * *distributed* (Citus, docs/decisions/0010-distributed-sessions.md): `SET LOCAL` in an explicit
 * transaction is what reaches the servers behind the coordinator, once it is told to pass it on. Each
 * command is a message of its own, for the coordinator passes on the whole text that a SET came in; and
 * SET takes no parameters, so that what is written out is checked first.
 */
import { tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import { readScope, type ScopeStatement } from '../database/scoped-query';
import type { Statement } from '../database/statement';

export type SessionStyle = 'direct' | 'distributed';

/** Whom the change log names; a command or a job has no user. */
export interface Author {
  readonly userId?: string | undefined;
  readonly requestId?: string | undefined;
}

export interface TransactionScope {
  /** `alone`: for one statement, sent together with its COMMIT. */
  readonly mode: 'read' | 'write' | 'alone';
  readonly localTenantId: string;
  readonly statementTimeoutMs: number;
  readonly sessionStyle: SessionStyle;
  /** Of a write: who writes, for the change log. */
  readonly author?: Author | undefined;
}

/** The server ends a transaction whose client has forgotten it. */
const IDLE_IN_TRANSACTION_MS = 15 * SECOND;
/** What may be written out where no parameter reaches. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A write holds the tenant's lock in shared mode before it does anything else: at the end of a move it
 * waits here, with no row locked, until the tenant has moved or stays (see migration 0004_change_log).
 */
const WRITE_LOCK = (tenantId: string): string =>
  `pg_advisory_xact_lock_shared(hashtextextended(${tenantId}, 7302513))`;

/**
 * The commands that state a tenant in an open transaction, to be sent one by one: for connections that
 * are no session's.
 * @throws TENANT_UNAVAILABLE when the id is no UUID: nothing else may be written out.
 */
export function statingTenant(localTenantId: string, style: SessionStyle): string[] {
  if (!UUID.test(localTenantId)) throw tenantUnavailable('TENANT_ID_MISMATCH');
  const state = `set local app.tenant_id = '${localTenantId}'`;
  return style === 'direct' ? [state] : ["set local citus.propagate_set_commands = 'local'", state];
}

/** What is sent behind BEGIN. @throws TENANT_UNAVAILABLE as above. */
export function scopeStatements(scope: TransactionScope): Statement[] {
  return scope.sessionStyle === 'direct' ? [directScope(scope)] : distributedScope(scope);
}

function directScope({
  mode,
  localTenantId,
  statementTimeoutMs,
  author,
}: TransactionScope): Statement {
  const limits = [String(statementTimeoutMs), String(IDLE_IN_TRANSACTION_MS)];
  if (mode !== 'write') {
    return {
      name: 'cloister_transaction_scope',
      text: "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true)",
      values: [localTenantId, ...limits],
    };
  }
  return writeScope(localTenantId, statementTimeoutMs, author);
}

/** Of every write where the style is direct, in an open transaction and in one flight alike. */
const writeScope = (
  localTenantId: string,
  statementTimeoutMs: number,
  author: Author | undefined,
): ScopeStatement => ({
  name: 'cloister_write_scope',
  text: `select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true), set_config('app.user_id', $4, true), set_config('app.request_id', $5, true), ${WRITE_LOCK('$1')}`,
  values: [
    localTenantId,
    String(statementTimeoutMs),
    String(IDLE_IN_TRANSACTION_MS),
    author?.userId ?? '',
    author?.requestId ?? '',
  ],
});

/** What is sent before a statement, where both are one implicit transaction. */
export const scopeInOneFlight = ({
  mode,
  localTenantId,
  statementTimeoutMs,
  author,
}: Omit<TransactionScope, 'sessionStyle'>): ScopeStatement =>
  mode === 'write'
    ? writeScope(localTenantId, statementTimeoutMs, author)
    : readScope(localTenantId, statementTimeoutMs);

/** What each connection prepares for the statements that go in one flight. */
export const SCOPES_IN_ONE_FLIGHT: readonly ScopeStatement[] = [
  readScope('', 0),
  writeScope('', 0, undefined),
];

function distributedScope(scope: TransactionScope): Statement[] {
  const { mode, localTenantId, statementTimeoutMs, author } = scope;
  const commands = statingTenant(localTenantId, 'distributed');
  commands.push(`set local statement_timeout = ${Math.trunc(statementTimeoutMs)}`);
  if (mode !== 'alone') {
    commands.push(`set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`);
  }
  if (mode === 'write') {
    if (author?.userId !== undefined && UUID.test(author.userId)) {
      commands.push(`set local app.user_id = '${author.userId}'`);
    }
    if (author?.requestId !== undefined && REQUEST_ID.test(author.requestId)) {
      commands.push(`set local app.request_id = '${author.requestId}'`);
    }
    commands.push(`select ${WRITE_LOCK(`'${localTenantId}'`)}`);
  }
  return commands.map((text) => ({ text, values: [] }));
}
