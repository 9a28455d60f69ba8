/**
 * The one place where Postgres' errors become ours, by SQLSTATE and constraint name. What a user
 * can mend becomes a RowFault, which the store's caller turns into a user error; constraint names,
 * SQL and addresses stay in `cause`.
 */
import { DatabaseError } from 'pg';
import {
  AppError,
  internalError,
  isAppError,
  overloaded,
  tenantUnavailable,
  timeout,
} from '../errors';

export type RowFaultKind = 'unique' | 'reference' | 'referenced' | 'check' | 'required' | 'value';

/** A row was refused for what it holds. `constraint` and `column` name the fault for the store. */
export class RowFault extends Error {
  override readonly name = 'RowFault';
  constructor(
    readonly kind: RowFaultKind,
    readonly constraint: string | undefined,
    readonly column: string | undefined,
    cause: unknown,
  ) {
    super(`The row was refused by a ${kind} rule.`, { cause });
  }
}

const ROW_FAULTS: Readonly<Record<string, RowFaultKind>> = {
  '23505': 'unique',
  '23514': 'check',
  '23502': 'required',
  '22001': 'value', // text too long
  '22003': 'value', // number out of range
  '22008': 'value', // date out of range
  '22021': 'value', // character not in the encoding, such as NUL
};

/** The server is there but does not let us in, or is going away: the data source's trouble. */
const UNAVAILABLE_CLASSES = ['08', '28', '3D', '53', '57P0'];

/** A table, column or function is not there. */
const NOT_THERE = ['42P01', '42703', '42883'];

const QUERY_CANCELED = '57014';
/** Raised by the trigger of the change log where the tenant no longer is. */
const MOVED = 'MV001';
const SERIALIZATION = ['40001', '40P01'];

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
const SOCKET_MESSAGES =
  /^(Connection terminated|timeout expired|Client has encountered|Client was closed|The server does not support SSL|Query read timeout)/;

export const isConnectionLoss = (error: unknown): boolean => {
  if (error instanceof DatabaseError) {
    const state = error.code ?? '';
    return (
      state !== QUERY_CANCELED && UNAVAILABLE_CLASSES.some((prefix) => state.startsWith(prefix))
    );
  }
  // By shape: errors of Node's own modules are no instances of this realm's Error under every runner.
  const { code, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return (code !== undefined && SOCKET_CODES.has(code)) || SOCKET_MESSAGES.test(message);
};

/** The server itself refused a statement: the connection works, and may serve the next. */
export const isServerAnswer = (error: unknown): boolean =>
  error instanceof DatabaseError && !isConnectionLoss(error);

/** A write was refused because the tenant has moved away from the data source; nothing was written. */
export const isMoved = (error: unknown): boolean =>
  isAppError(error) && error.details['reason'] === 'TENANT_MOVING';

/** @returns an AppError to throw, or a RowFault for the caller to explain. Never throws itself. */
export function translatePostgresError(
  error: unknown,
  context: {
    readonly statementTimeoutMs: number;
    /** Whether the data source is known to lack what a later migration brings. */
    readonly schemaIsOlder?: () => boolean;
  },
): AppError | RowFault {
  if (isAppError(error) || error instanceof RowFault) return error;
  if (isConnectionLoss(error)) return tenantUnavailable('DATA_SOURCE_UNREACHABLE', error);
  if (!(error instanceof DatabaseError)) return internalError('The database client failed.', error);

  const state = error.code ?? '';
  const kind =
    state === '23503'
      ? /still referenced/.test(error.detail ?? '')
        ? 'referenced'
        : 'reference'
      : ROW_FAULTS[state];
  if (kind !== undefined) return new RowFault(kind, error.constraint, error.column, error);
  if (state === QUERY_CANCELED) return timeout(context.statementTimeoutMs, error);
  if (SERIALIZATION.includes(state)) {
    return new AppError('CONFLICT', 'Another change came in between: try again.', { cause: error });
  }
  if (state === '55P03') return overloaded(error);
  if (NOT_THERE.includes(state) && context.schemaIsOlder?.() === true) {
    return tenantUnavailable('SCHEMA_VERSION', error);
  }
  if (state === MOVED) return tenantUnavailable('TENANT_MOVING', error);
  return internalError('The database refused a statement.', error);
}
