/**
 * Keeps a connection whose host a customer chose from leading into networks that are not theirs to
 * reach: this machine, the private networks around it, a cloud's metadata service.
 *
 * A name is no answer: it may resolve to one address when it is looked at and to another when it is
 * connected to. So the check stands in the socket: what the name resolves to is judged and the very
 * addresses that were judged are connected to. TLS goes on checking the host's name.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, Socket, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { contains, parseNetwork, type Address } from '../lib/networks';

/** The host is, or leads to, an address that is not allowed. The message never says which it is. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  /** As errors of Node's sockets have one. */
  readonly code = 'EADDRREFUSED';
}

/** Every address of a name, as `dns.lookup` gives them with `all`. */
export type Resolve = (
  host: string,
  report: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface AddressGuard {
  /** @throws AddressRefused for an address that is not allowed; a name passes, for now. */
  assertHost(host: string): void;
  /** A socket that connects to allowed addresses only; a new one for each connection. */
  openSocket(): Socket;
  /** Whether an address that a socket is connected to is allowed. */
  allows(address: string): boolean;
}

export interface AddressGuardOptions {
  /** Networks that are allowed although they are not public, as CIDR ranges. */
  readonly allowedNetworks?: readonly string[];
  readonly resolve?: Resolve;
}

/** Public by its number, yet it leads to the services of the machine's own cloud (Azure). */
const PLATFORM_ADDRESSES = ['168.63.129.16'];
/** What is assigned to the internet so far; the rest of IPv6 is nobody's. */
const GLOBAL_IPV6 = '2000::/3';

export function createAddressGuard(options: AddressGuardOptions = {}): AddressGuard {
  const { resolve = resolveBySystem } = options;
  const allowed = (options.allowedNetworks ?? []).map(parseNetwork);

  const allows = (text: string): boolean => {
    if (isIP(text) === 0) return false;
    // An IPv4 address in the clothes of IPv6 is what it is.
    const address = ipaddr.process(text);
    return allowed.some((network) => contains(network, address)) || isPublic(address);
  };
  const assertHost = (host: string): void => {
    if (isIP(host) !== 0 && !allows(host)) throw refused();
  };
  const lookup: LookupFunction = (host, { all }, report) => {
    resolve(host, (error, addresses) => {
      const [first] = addresses;
      const fault = error ?? (addresses.every(({ address }) => allows(address)) ? null : refused());
      if (fault !== null || first === undefined) report(fault ?? refused(), []);
      else if (all === true) report(null, [...addresses]);
      else report(null, first.address, first.family);
    });
  };

  return {
    allows,
    assertHost,
    openSocket: () => new GuardedSocket({ assertHost, allows, lookup }),
  };
}

interface SocketRules {
  readonly assertHost: (host: string) => void;
  readonly allows: (address: string) => boolean;
  readonly lookup: LookupFunction;
}

/** pg connects by `connect(port, host)`; every other way is closed. */
class GuardedSocket extends Socket {
  readonly #rules: SocketRules;

  constructor(rules: SocketRules) {
    super();
    this.#rules = rules;
  }

  override connect(...target: unknown[]): this {
    const [port, host] = target;
    const { assertHost, allows, lookup } = this.#rules;
    if (typeof port !== 'number' || typeof host !== 'string') {
      return this.destroy(new AddressRefused('Expected a port and a host to connect to.'));
    }
    try {
      assertHost(host);
    } catch (error) {
      return this.destroy(error as Error);
    }
    // By invariant it is one of those that were judged; a change in Node must not be what breaks it.
    this.prependOnceListener('connect', () => {
      if (!allows(this.remoteAddress ?? '')) this.destroy(refused());
    });
    return super.connect({ port, host, lookup });
  }
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || PLATFORM_ADDRESSES.includes(address.toString()))
    return false;
  return address.kind() === 'ipv4' || contains(parseNetwork(GLOBAL_IPV6), address);
}

const refused = (): AddressRefused =>
  new AddressRefused(
    'The host leads to an address that is not public: give one that is, or have the operator allow its network with BYO_ALLOWED_NETWORKS.',
  );

const resolveBySystem: Resolve = (host, report) => {
  systemLookup(host, { all: true }, (error, addresses) => report(error, addresses ?? []));
};
