const CODES: Readonly<Record<number, 'FORBIDDEN' | 'NOT_FOUND'>> = {
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
};

/**
 * A refusal of the transport: what HTTP itself has a status for and GraphQL has no say in.
 * Clients see code BAD_REQUEST, FORBIDDEN for 403, or NOT_FOUND for a path that does not exist.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly code: 'BAD_REQUEST' | 'FORBIDDEN' | 'NOT_FOUND';

  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.code = CODES[status] ?? 'BAD_REQUEST';
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, message);

export const methodNotAllowed = (method: string, allowed: readonly string[]): HttpError =>
  new HttpError(405, `Expected ${allowed.join(' or ')}, but got ${method}.`, {
    allow: allowed.join(', '),
  });

/** Nobody reads the answer any more; 499 is the status nginx made customary for it in logs. */
export const clientGone = (): HttpError => new HttpError(499, 'The client closed the request.');
