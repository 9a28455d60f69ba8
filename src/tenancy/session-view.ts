/** A transaction as a session holds it: statements find their tenant and their text, and are observed. */
import { SECOND } from '../lib/duration';
import type { SqlRunner, Statement } from '../database/statement';
import type { DataSource } from './directory';
import { fittingStatement, mayBeOlder } from './fitting-statement';
import type { LocalTenantId } from './local-tenant-id';
import { openTransaction, type OpenTransaction, type TransactionOptions } from './open-transaction';
import type { Lease } from './lease';
import type { SessionOptions, SessionTarget } from './session-options';

/** A connection, and whose data is behind it. */
export interface Held {
  readonly lease: Lease;
  readonly target: SessionTarget;
  readonly isReplica: boolean;
}

export interface View extends SqlRunner, OpenTransaction {
  readonly dataSource: DataSource;
  /** Whether nothing is lost when it is begun anew on the primary. */
  mayBeginAnew(): boolean;
  query<Row>(statement: Statement): Promise<Row[]>;
}

export interface ViewOptions extends Pick<TransactionOptions, 'mode' | 'translate'> {
  readonly session: SessionOptions;
  readonly address: LocalTenantId;
  /** What a cancellation has to reach. */
  readonly open: Set<{ cancel(reason: Error): void }>;
}

/** The view owns the lease from here on. */
export function openView(
  { lease, target, isReplica }: Held,
  { mode, translate, session, address, open }: ViewOptions,
): View {
  const { dataSource, localTenantId } = target;
  let answered = false;
  const transaction = openTransaction(lease, {
    mode,
    localTenantId,
    statementTimeoutMs: session.statementTimeoutMs,
    sessionStyle: dataSource.sessionStyle,
    author: session.author,
    translate,
  });
  open.add(transaction);
  const send = async <Row>(text: Statement): Promise<Row[]> => {
    const rows = await observed(session, target, text, () => transaction.query<Row>(text));
    answered = true;
    return rows;
  };
  return {
    ...transaction,
    localTenantId,
    dataSource,
    query: (statement) => {
      const current = address.readdressed(statement);
      return mayBeOlder(current, dataSource)
        ? fittingStatement(current, send).then(send<never>)
        : send(current);
    },
    finish: (...command) => transaction.finish(...command).finally(() => open.delete(transaction)),
    mayBeginAnew: () => isReplica && !answered,
  };
}

/** Tells whoever listens of a statement and of its answer. */
export async function observed<T>(
  { onStatement, onAnswer }: Pick<SessionOptions, 'onStatement' | 'onAnswer'>,
  target: SessionTarget,
  statement: Statement,
  work: () => Promise<T>,
): Promise<T> {
  onStatement?.(statement, target);
  const startedAt = performance.now();
  try {
    return await work();
  } finally {
    onAnswer?.(target.dataSource, (performance.now() - startedAt) / SECOND, statement);
  }
}
