/** RFC 9110: the scheme in any case. RFC 6750: one space, and a token in the alphabet of a JWT. */
const BEARER = /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

/** The token of an Authorization header, or undefined when it holds none that could be ours. */
export const bearerTokenOf = (authorization: string): string | undefined =>
  BEARER.exec(authorization)?.[1];
