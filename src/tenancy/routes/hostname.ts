/** The spelling of host names: one for each, so that two claims of one name are seen to be that. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^(${LABEL}\\.)+${LABEL}$`);
const MAX_LENGTH = 253;

/** @returns the name in lower case and ASCII, without its last dot; undefined when it is no domain. */
export function parseHostname(text: string): string | undefined {
  const ascii = domainToASCII(text.trim().replace(/\.$/, ''));
  const isDomain = DOMAIN.test(ascii) && ascii.length <= MAX_LENGTH && isIP(ascii) === 0;
  return isDomain ? ascii : undefined;
}

/** The host of a Host header, without its port. */
export function hostnameOf(header: string): string {
  return header.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

export const isBeneath = (hostname: string, domain: string): boolean =>
  hostname.endsWith(`.${domain}`);
