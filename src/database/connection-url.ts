/**
 * Reads a Postgres connection URL by an allow-list of its parts. It is never handed on raw: the
 * usual parsers let `?host=`, `?options=` or `?sslrootcert=` through, and a URL that a tenant gave
 * must not be able to say more than where its database is.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { ClientConfig } from 'pg';
import type { AddressGuard } from './address-guard';

export type TlsMode = 'disable' | 'require' | 'verify-full';

export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly tls: TlsMode;
  /** Judges where the host leads to, each time it is connected to; without it every address will do. */
  readonly guard?: AddressGuard;
}

/** The URL is not one we take. The message never repeats the URL, for it holds a password. */
export class ConnectionUrlError extends Error {
  override readonly name = 'ConnectionUrlError';
}

const TLS_MODES: Readonly<Record<string, TlsMode>> = {
  disable: 'disable',
  require: 'require',
  'verify-full': 'verify-full',
};

const SHAPE = 'postgres://user:password@host[:port]/database[?sslmode=require|verify-full|disable]';

const refuse = (what: string): never => {
  throw new ConnectionUrlError(`Expected ${SHAPE}, but ${what}.`);
};

const decode = (part: string, name: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    // The cause would repeat the part, which may be the password.
    return refuse(`the ${name} is not valid percent-encoding`);
  }
};

/**
 * @param defaultTls what holds when the URL says nothing of `sslmode`.
 * @throws ConnectionUrlError that names the fault and never the URL.
 */
export function parseConnectionUrl(
  raw: string,
  { defaultTls = 'disable' }: { defaultTls?: TlsMode } = {},
): ConnectionSettings {
  // A password may hold @ : / ? # unescaped in practice; URL would cut there. Take the user info
  // up to the last @ before the host, so that special characters survive either way.
  const match = /^postgres(?:ql)?:\/\/(.*)@([^@/?#]+)\/([^@/?#]+)(?:\?([^@#]*))?$/s.exec(raw);
  if (match === null) return refuse('got something of another shape');
  const [, userInfo = '', hostAndPort = '', databasePart = '', query = ''] = match;
  const colon = userInfo.indexOf(':');
  if (colon <= 0) return refuse('the user or the password is missing');

  const hostMatch = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(hostAndPort);
  if (hostMatch === null) return refuse('the host is not one host name or address with a port');
  const host = (hostMatch[1] ?? '').replace(/^\[|\]$/g, '');
  if (!isPlainHost(host)) return refuse('the host is a number or address that is not written out');
  const port = Number(hostMatch[2] ?? 5432);
  if (port < 1 || port > 65_535) return refuse('the port is not between 1 and 65535');

  let tls = defaultTls;
  for (const [key, value] of new URLSearchParams(query)) {
    if (key !== 'sslmode') return refuse(`the parameter "${key.slice(0, 40)}" is not allowed`);
    tls = TLS_MODES[value] ?? refuse('sslmode is none of disable, require, verify-full');
  }
  return {
    host,
    port,
    database: decode(databasePart, 'database'),
    user: decode(userInfo.slice(0, colon), 'user'),
    password: decode(userInfo.slice(colon + 1), 'password'),
    tls,
  };
}

/**
 * Resolvers take `127.1`, `0x7f.1` and `2130706433` for addresses. A name whose last label is a number
 * is none (https://url.spec.whatwg.org/#ends-in-a-number-checker), so it must be an address in full.
 */
function isPlainHost(host: string): boolean {
  if (host.includes(':')) return isIPv6(host);
  const last = host.replace(/\.$/, '').split('.').at(-1) ?? '';
  return !/^(\d+|0x[0-9a-f]*)$/i.test(last) || isIPv4(host);
}

/** The settings as `pg` takes them. `require` encrypts; `verify-full` also checks who answers. */
export function toClientConfig(settings: ConnectionSettings): ClientConfig {
  const { guard } = settings;
  return {
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    password: settings.password,
    ssl:
      settings.tls === 'disable' ? false : { rejectUnauthorized: settings.tls === 'verify-full' },
    ...(guard === undefined ? {} : { stream: () => guard.openSocket() }),
  };
}

export function formatConnectionUrl(settings: ConnectionSettings): string {
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  const user = encodeURIComponent(settings.user);
  const password = encodeURIComponent(settings.password);
  const database = encodeURIComponent(settings.database);
  return `postgres://${user}:${password}@${host}:${settings.port}/${database}?sslmode=${settings.tls}`;
}
