/**
 * A transaction on a leased connection. It owns the lease: `finish` gives it back, whatever happens,
 * and from then on nothing can be run through it, for the connection may be another tenant's.
 */
import type { QueryResult } from 'pg';
import { internalError } from '../errors';
import { cancelRunning } from '../database/cancel-running';
import { isServerAnswer } from '../database/postgres-errors';
import { run } from '../database/run-statement';
import type { Statement } from '../database/statement';
import type { Lease } from './lease';
import { scopeStatements, type TransactionScope } from './transaction-scope';

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

export interface TransactionOptions extends TransactionScope {
  /** Makes of what pg throws what the caller is told. */
  readonly translate: (error: unknown) => Error;
}

const BEGIN = {
  read: 'begin isolation level repeatable read read only',
  write: 'begin',
  alone: 'begin',
} as const;

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

  let scope: Statement[];
  try {
    scope = scopeStatements(options);
  } catch (error) {
    lease.release();
    throw error;
  }
  sendAhead({ text: BEGIN[options.mode], values: [] });
  for (const statement of scope) sendAhead(statement);

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
