/**
 * A transaction on a leased connection. It owns the lease: `finish` gives it back, whatever happens,
 * and from then on nothing can be run through it, for the connection may be another tenant's.
 */
import type { QueryResult } from 'pg';
import { internalError, tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import { cancelRunning } from '../database/cancel-running';
import { inOneFlight } from '../database/pg-internals';
import { isServerAnswer } from '../database/postgres-errors';
import { run } from '../database/run-statement';
import type { Statement } from '../database/statement';
import type { Lease } from './pools';

export interface OpenTransaction {
  /**
   * @throws the first failure of the transaction, not "current transaction is aborted"; after
   * `rollback to savepoint` it is forgotten.
   */
  query<Row>(statement: Statement): Promise<Row[]>;
  /**
   * @param afterwards is sent along behind the command, in the same flight; it may fail by itself.
   * @returns its first row. @throws what failed, when it was to be committed and was not.
   */
  finish(command: 'commit' | 'rollback', afterwards?: Statement): Promise<unknown>;
  /** Ends what runs and refuses what comes; the connection is not used again. */
  cancel(reason: Error): void;
}

/** Whom the change log names; a command or a job has no user. */
export interface Author {
  readonly userId?: string | undefined;
  readonly requestId?: string | undefined;
}

export interface TransactionOptions {
  readonly mode: 'read' | 'write';
  readonly localTenantId: string;
  readonly statementTimeoutMs: number;
  readonly sessionStyle: 'direct' | 'distributed';
  /** Of a write: who writes, for the change log. */
  readonly author?: Author | undefined;
  /** Makes of what pg throws what the caller is told. */
  readonly translate: (error: unknown) => Error;
}

const BEGIN = {
  read: 'begin isolation level repeatable read read only',
  write: 'begin',
} as const;

/** The server ends a transaction whose client has forgotten it. */
const IDLE_IN_TRANSACTION_MS = 15 * SECOND;
/** What may be written out where no parameter reaches. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * BEGIN and the tenant are on their way when this returns; they leave together with the first
 * statement, and nothing waits for their answers.
 */
export function openTransaction(lease: Lease, options: TransactionOptions): OpenTransaction {
  const { statementTimeoutMs: limitMs, translate } = options;
  let failure: Error | undefined;
  /** What pg threw when the connection was lost; the pool wants to know. */
  let loss: unknown;
  let running = 0;
  let finished = false;
  let cancelled = false;

  const send = async (statement: Statement): Promise<QueryResult> => {
    running += 1;
    try {
      return await run(lease.client, statement, {
        limitMs,
        namedStatements: lease.namedStatements,
      });
    } catch (error) {
      if (!isServerAnswer(error)) loss ??= error;
      failure ??= translate(error);
      throw failure;
    } finally {
      running -= 1;
    }
  };
  const sendAhead = (statement: Statement): void => {
    send(statement).catch(() => undefined); // kept as the failure of the transaction
  };

  const abandon = (): void => {
    lease.spoil();
    if (running > 0) cancelRunning(lease.client);
  };

  let scope: Statement;
  try {
    scope = scopeStatement(options);
  } catch (error) {
    lease.release();
    throw error;
  }
  inOneFlight(lease.client);
  sendAhead({ text: BEGIN[options.mode], values: [] });
  sendAhead(scope);

  return {
    async query<Row>(statement: Statement) {
      if (finished) throw internalError('A statement came after the end of its transaction.');
      const mends = isRollbackToSavepoint(statement) && loss === undefined && !cancelled;
      if (failure !== undefined && !mends) throw failure;
      const { rows } = await send(statement);
      if (mends && !cancelled) failure = undefined;
      return rows as Row[];
    },
    async finish(command, afterwards) {
      if (finished) return undefined;
      finished = true;
      // Nobody reads any more what a view still asks for.
      if (options.mode === 'read' && running > 0) abandon();
      try {
        if (loss === undefined) {
          if (afterwards !== undefined) inOneFlight(lease.client);
          const ending = send({ text: command, values: [] });
          ending.catch(() => undefined); // awaited below
          const after = afterwards === undefined ? undefined : send(afterwards);
          // Whatever comes of it, the connection is given back only when it has been answered.
          const answer: unknown = (await after?.catch(() => undefined))?.rows[0];
          const { command: done } = await ending;
          if (command === 'commit' && done !== 'COMMIT') {
            throw failure ?? internalError('The transaction was rolled back at its end.');
          }
          return answer;
        } else if (command === 'commit') throw failure ?? translate(loss);
        return undefined;
      } finally {
        lease.release(loss);
      }
    },
    cancel(reason) {
      if (finished) return;
      cancelled = true;
      failure ??= reason;
      abandon();
    },
  };
}

/** The one statement that an aborted transaction still takes, and that makes it whole again. */
const isRollbackToSavepoint = ({ text }: Statement): boolean =>
  text.startsWith('rollback to savepoint ');

/**
 * A write holds the tenant's lock in shared mode before it does anything else: at the end of a move it
 * waits here, with no row locked, until the tenant has moved or stays (see migration 0004_change_log).
 */
const WRITE_LOCK = (tenantId: string): string =>
  `pg_advisory_xact_lock_shared(hashtextextended(${tenantId}, 7302513))`;

function scopeStatement(options: TransactionOptions): Statement {
  const { localTenantId, statementTimeoutMs, sessionStyle, mode, author } = options;
  if (sessionStyle === 'direct' && mode === 'write') {
    return {
      name: 'cloister_write_scope',
      text: `select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true), set_config('app.user_id', $4, true), set_config('app.request_id', $5, true), ${WRITE_LOCK('$1')}`,
      values: [
        localTenantId,
        String(statementTimeoutMs),
        String(IDLE_IN_TRANSACTION_MS),
        author?.userId ?? '',
        author?.requestId ?? '',
      ],
    };
  }
  if (sessionStyle === 'direct') {
    return {
      name: 'cloister_transaction_scope',
      text: "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true)",
      values: [localTenantId, String(statementTimeoutMs), String(IDLE_IN_TRANSACTION_MS)],
    };
  }
  // On a distributed engine parameters do not reach the workers, so the id is checked and written out.
  if (!UUID.test(localTenantId)) throw tenantUnavailable('TENANT_ID_MISMATCH');
  const settings = [
    "set local citus.propagate_set_commands = 'local'",
    `set local app.tenant_id = '${localTenantId}'`,
    `set local statement_timeout = ${Math.trunc(statementTimeoutMs)}`,
    `set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`,
  ];
  if (mode === 'write') {
    if (author?.userId !== undefined && UUID.test(author.userId)) {
      settings.push(`set local app.user_id = '${author.userId}'`);
    }
    if (author?.requestId !== undefined && REQUEST_ID.test(author.requestId)) {
      settings.push(`set local app.request_id = '${author.requestId}'`);
    }
    settings.push(`select ${WRITE_LOCK(`'${localTenantId}'`)}`);
  }
  return { text: settings.join('; '), values: [] };
}
