/** Names what went wrong on the way to a database: by code, in our own words, with no server's text. */

const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at that address',
  ECONNRESET: 'the connection was cut',
  EADDRREFUSED: 'the host leads to an address that is not allowed',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is signed by itself',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  '28P01': 'the password is wrong',
  '28000': 'the role may not log in from here',
  '3D000': 'there is no such database',
  '42501': 'the role lacks a privilege',
  '42P01': 'a table is missing',
  '53300': 'the server has no connection left',
  '57P03': 'the server is starting or stopping',
};

/** Messages of our own client library, which come without a code. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/^The server does not support SSL/, 'the server does not speak TLS'],
  [/^timeout expired|^Timeout acquiring|^timeout exceeded/i, 'no answer in time'],
  [/^Connection terminated/, 'the connection was cut'],
];

const CODE = /^[A-Z0-9_]{3,60}$/;

export function describeConnectionFault(error: unknown): string {
  const { code, message } = (error ?? {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  // An attempt at several addresses of one host fails with all their reasons; the first stands for them.
  if (error instanceof AggregateError && error.errors.length > 0)
    return describeConnectionFault(error.errors[0]);
  if (typeof code === 'string' && CODE.test(code)) {
    const words = IN_WORDS[code];
    return words === undefined ? code : `${words} (${code})`;
  }
  const text = typeof message === 'string' ? message : '';
  return BY_MESSAGE.find(([pattern]) => pattern.test(text))?.[1] ?? 'an unexpected failure';
}
