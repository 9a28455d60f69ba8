/**
 * What keeps the embedded Postgres from starting, said to the person at the terminal: the message
 * is the whole story (expected, got, what to do), so callers print it without a stack.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}

/** Another living process owns the cluster. It can be connected to, but not started or stopped. */
export class EmbeddedInUseError extends EmbeddedPostgresError {
  override readonly name = 'EmbeddedInUseError';
}

/** The system's error code (`ENOENT`, `EPERM`, …) when `error` carries one. */
export function systemErrorCode(error: unknown): string | undefined {
  // By shape: under jest, the errors of Node's own modules are no instances of the global Error.
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What a failed program has said on stderr, or else the error itself in words. */
export function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { stderr, message } = error as { readonly stderr?: unknown; readonly message?: unknown };
  const said = typeof stderr === 'string' ? stderr.trim() : '';
  return said === '' ? String(message) : said;
}
