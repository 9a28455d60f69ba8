/**
 * Structured logs, one line a request. What may hold a secret or a customer's data never gets in:
 * no bodies, variables, headers, query strings; of an error only what it is and where it came from.
 */
import pino from 'pino';
import type { DestinationStream, LevelWithSilent, Logger } from 'pino';
import { isAppError } from '../errors';
import { createLineBatches } from './line-batches';

export interface LoggedError {
  readonly type: string;
  /** Only of our own errors: their messages hold no secret by contract. */
  readonly message?: string;
  /** Public code, SQLSTATE or system error code. */
  readonly code?: string;
  readonly frames: readonly string[];
  readonly cause?: LoggedError;
}

const MAX_CAUSES = 5;
const MAX_FRAMES = 12;

/** A second net beneath the rule that nobody logs these. */
const REDACTED_PATHS = [
  'authorization',
  'cookie',
  'password',
  'token',
  'secret',
  'variables',
  'headers',
  'body',
  'url',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** The number that pino gives the level. */
const WARN = 40;

/**
 * @param destination where lines go; standard output by default, warnings and errors at once.
 */
export function createLogger(
  level: LevelWithSilent,
  destination: DestinationStream = createLineBatches(),
): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: LOG_SERIALIZERS,
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    hooks: { logMethod: writeWarningsAtOnce },
  };
  return pino(options, destination);
}

function writeWarningsAtOnce(
  this: Logger,
  line: Parameters<pino.LogFn>,
  write: pino.LogFn,
  level: number,
): void {
  write.apply(this, line);
  if (level >= WARN) this.flush();
}

/**
 * An error as it may be logged. Messages of other people's errors are left out, because libraries
 * quote what they choke on: Postgres a value, a driver a URL, JSON.parse a piece of the body.
 */
export function describeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, frames: [] };
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return {
    type: error.constructor.name,
    ...(isAppError(error) ? { message: error.message } : {}),
    ...(typeof code === 'string' && /^\w{1,64}$/.test(code) ? { code } : {}),
    frames: framesOf(error),
    ...(cause !== undefined && depth < MAX_CAUSES
      ? { cause: describeError(cause, depth + 1) }
      : {}),
  };
}

/** The places of a stack without its first lines, which repeat the message. */
function framesOf(error: Error): string[] {
  return String(error.stack ?? '')
    .split('\n')
    .filter((line) => /^ {4}at .+:\d+:\d+\)?$/.test(line))
    .slice(0, MAX_FRAMES)
    .map((line) => line.trim());
}

/** Hides what a library may log about a request or an error. */
export const LOG_SERIALIZERS = {
  err: (error: unknown) => describeError(error),
  error: (error: unknown) => describeError(error),
  req: () => undefined,
  res: () => undefined,
};
