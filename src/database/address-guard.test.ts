import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import {
  AddressRefused,
  createAddressGuard,
  type AddressGuard,
  type Resolve,
} from './address-guard';

const resolvesTo =
  (...addresses: string[]): Resolve =>
  (_host, report) =>
    report(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

/** What became of a connection: the address it reached, or the error. */
async function connect(guard: AddressGuard, port: number, host: string): Promise<unknown> {
  const socket = guard.openSocket();
  try {
    return await new Promise((resolve) => {
      socket.once('error', resolve);
      socket.once('connect', () => resolve(socket.remoteAddress));
      socket.connect(port, host);
    });
  } finally {
    socket.destroy();
  }
}

describe('an address guard', () => {
  it.each([
    ['this machine', ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', '::127.0.0.1']],
    ['no address in particular', ['0.0.0.0', '0.1.2.3', '::']],
    ['private networks', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1']],
    ['a carrier’s own network', ['100.64.0.1', '100.127.255.255', '100.100.100.200']],
    [
      'the link, and the metadata service on it',
      ['169.254.169.254', 'fe80::1', '::ffff:a9fe:a9fe'],
    ],
    ['local addresses of IPv6', ['fd00:ec2::254', 'fc00::1', 'fec0::1']],
    ['many at once', ['224.0.0.1', '239.1.1.1', 'ff02::1', '255.255.255.255']],
    [
      'what is kept for documents and tests',
      ['192.0.2.1', '198.18.0.1', '203.0.113.9', '2001:db8::1'],
    ],
    ['what is kept for protocols', ['192.0.0.192', '240.0.0.1', '100::1', '5f00::1', '4000::1']],
    ['IPv4 behind a translation', ['64:ff9b::7f00:1', '64:ff9b:1::1', '2002:7f00:1::', '2001::1']],
    ['a cloud’s platform', ['168.63.129.16']],
    ['what is no address', ['', 'localhost', '127.1', '2130706433', 'fe80::1%eth0']],
  ])('does not allow %s', (_what, addresses) => {
    const { allows } = createAddressGuard();
    expect(addresses.filter(allows)).toEqual([]);
  });

  it('allows public addresses', () => {
    const addresses = ['8.8.8.8', '172.32.0.1', '100.63.0.1', '2606:4700::1111', '::ffff:8.8.8.8'];
    expect(addresses.filter(createAddressGuard().allows)).toEqual(addresses);
  });

  it('allows the networks that it was told to, in whatever clothes, and no others', () => {
    const { allows } = createAddressGuard({ allowedNetworks: ['10.20.0.0/16', 'fd12::/16'] });
    expect(['10.20.3.4', '::ffff:10.20.3.4', 'fd12::7'].every(allows)).toBe(true);
    expect(['10.21.0.1', '127.0.0.1', 'fd13::7'].some(allows)).toBe(false);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'localhost/8', '10.0.0.0/x', '/8', '010.0.0.0/8'])(
    'refuses to be told %j',
    (range) => {
      expect(() => createAddressGuard({ allowedNetworks: [range] })).toThrow('expected networks');
    },
  );
});

describe('a guarded socket', () => {
  let server: Server;
  let port: number;
  let accepted: number;
  beforeAll(async () => {
    server = createServer((socket) => {
      accepted += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(() => {
    accepted = 0;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('does not connect to an address that is not allowed', async () => {
    expect(await connect(createAddressGuard(), port, '127.0.0.1')).toBeInstanceOf(AddressRefused);
    expect(accepted).toBe(0);
  });

  it.each([
    ['leads to one', ['127.0.0.1']],
    ['also leads to one', ['203.0.114.5', '127.0.0.1']],
    ['leads nowhere', []],
  ])('does not connect to a name that %s', async (_what, addresses) => {
    const guard = createAddressGuard({ resolve: resolvesTo(...addresses) });
    expect(await connect(guard, port, 'db.example')).toBeInstanceOf(AddressRefused);
    expect(accepted).toBe(0);
  });

  it('looks a name up once and connects to what it judged, whatever the name leads to next', async () => {
    const answers = ['127.0.0.2', '169.254.169.254'];
    const asked: string[] = [];
    const guard = createAddressGuard({
      allowedNetworks: ['127.0.0.2/32'],
      resolve: (host, report) => {
        asked.push(host);
        resolvesTo(answers.shift() ?? '')(host, report);
      },
    });
    // Nothing listens at 127.0.0.2: what matters is where it was tried.
    expect(await connect(guard, port, 'db.example')).toMatchObject({ address: '127.0.0.2' });
    expect(asked).toEqual(['db.example']);
    expect(await connect(guard, port, 'db.example')).toBeInstanceOf(AddressRefused);
    expect(accepted).toBe(0);
  });

  it('connects where it may', async () => {
    const guard = createAddressGuard({
      allowedNetworks: ['127.0.0.0/8'],
      resolve: resolvesTo('127.0.0.1'),
    });
    expect(await connect(guard, port, 'db.example')).toBe('127.0.0.1');
  });

  it('takes no other way: neither a path nor options with a lookup of their own', async () => {
    const guard = createAddressGuard();
    for (const target of [{ path: '/tmp/.s.PGSQL.5432' }, { port, host: '127.0.0.1' }]) {
      const socket = guard.openSocket();
      const failure = once(socket, 'error');
      socket.connect(target);
      expect((await failure)[0]).toBeInstanceOf(AddressRefused);
    }
    expect(accepted).toBe(0);
  });
});
