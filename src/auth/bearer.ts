/** RFC 9110: the scheme in any case. RFC 6750: one space, and a token in the alphabet of a JWT. */
const BEARER = /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

/** The token of an Authorization header, or undefined when it holds none that could be ours. */
export const bearerTokenOf = (authorization: string): string | undefined =>
  BEARER.exec(authorization)?.[1];

const AS_USUAL = 'Bearer ';

/**
 * What stands for a token there, unexamined: to be looked up among those that were verified, and for
 * nothing else. Undefined where the scheme is not written as nearly everybody does.
 */
export const presumedTokenOf = (authorization: string): string | undefined =>
  authorization.startsWith(AS_USUAL) ? authorization.slice(AS_USUAL.length) : undefined;
