/** Networks as CIDR ranges, and whether an address belongs to one. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = [Address, number];

const WIDTHS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

/** @throws Error when the range is none, such as `10.0.0.0` without its bits. */
export function parseNetwork(range: string): Network {
  const [address = '', bits = ''] = range.split('/');
  const width = WIDTHS[isIP(address)] ?? -1;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > width) {
    throw new Error(`expected networks as 10.0.0.0/8 or fd00::/8, but got "${range.slice(0, 60)}"`);
  }
  return ipaddr.parseCIDR(range);
}

export const contains = ([network, bits]: Network, address: Address): boolean =>
  network.kind() === address.kind() && address.match(network, bits);
