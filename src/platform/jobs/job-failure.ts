/** What is kept of a failed job: what it was, and never what a library quotes in its messages. */
import { isAppError } from '../../errors';

export interface JobFailure {
  readonly type: string;
  /** Only of our own errors: their messages hold no secret by contract. */
  readonly message?: string;
  /** Public code, SQLSTATE or system error code. */
  readonly code?: string;
  readonly [key: string]: string | undefined;
}

export function describeJobFailure(error: unknown): JobFailure {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(isAppError(error) ? { message: error.message } : {}),
    ...(typeof code === 'string' && /^\w{1,64}$/.test(code) ? { code } : {}),
  };
}
