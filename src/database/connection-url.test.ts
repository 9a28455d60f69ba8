import {
  ConnectionUrlError,
  formatConnectionUrl,
  parseConnectionUrl,
  toClientConfig,
} from './connection-url';

describe('parseConnectionUrl', () => {
  it('takes a URL with a port and one without', () => {
    const settings = { user: 'app', password: 'pw', database: 'crm', tls: 'disable' };
    expect(parseConnectionUrl('postgres://app:pw@db.example:6543/crm')).toEqual({
      ...settings,
      host: 'db.example',
      port: 6543,
    });
    expect(parseConnectionUrl('postgresql://app:pw@10.0.0.7/crm')).toEqual({
      ...settings,
      host: '10.0.0.7',
      port: 5432,
    });
  });

  it.each([
    ['[::1]:5433', '::1', 5433],
    ['[2001:db8::7]', '2001:db8::7', 5432],
  ])('takes the IPv6 address %s', (authority, host, port) => {
    expect(parseConnectionUrl(`postgres://app:pw@${authority}/crm`)).toMatchObject({ host, port });
  });

  it.each([
    'p@ss',
    'p:w',
    'a/b',
    'a?b',
    'a#b',
    'a b',
    '100%',
    'pä$$wörd',
    '@@//::??',
    'x@evil.example/db?host=y',
  ])('takes the password %j, percent-encoded', (password) => {
    const url = `postgres://app:${encodeURIComponent(password)}@db.example/crm`;
    expect(parseConnectionUrl(url)).toMatchObject({
      user: 'app',
      password,
      host: 'db.example',
      database: 'crm',
    });
  });

  it.each(['p@ss', 'p:w', 'a/b', 'a?b', 'a#b', 'pä$$wörd', '@@//::??'])(
    'takes the password %j as it is, as people write it',
    (password) => {
      expect(parseConnectionUrl(`postgres://app:${password}@db.example/crm`)).toMatchObject({
        password,
        host: 'db.example',
        database: 'crm',
      });
    },
  );

  it.each(['disable', 'require', 'verify-full'] as const)('takes sslmode=%s', (tls) => {
    expect(parseConnectionUrl(`postgres://app:pw@db.example/crm?sslmode=${tls}`).tls).toBe(tls);
  });

  it('uses the default of its caller when the URL says nothing of TLS', () => {
    const url = 'postgres://app:pw@db.example/crm';
    expect(parseConnectionUrl(url, { defaultTls: 'verify-full' }).tls).toBe('verify-full');
  });

  it.each([
    ['another host by parameter', 'postgres://app:hunter2@db.example/crm?host=evil.example'],
    ['server options', 'postgres://app:hunter2@db.example/crm?options=-c%20role%3Dpostgres'],
    ['a file to read', 'postgres://app:hunter2@db.example/crm?sslrootcert=/etc/passwd'],
    [
      'a second parameter behind a good one',
      'postgres://app:hunter2@db.example/crm?sslmode=require&host=x',
    ],
    ['an sslmode that does not check', 'postgres://app:hunter2@db.example/crm?sslmode=no-verify'],
    ['an sslmode that gives way', 'postgres://app:hunter2@db.example/crm?sslmode=prefer'],
    ['several hosts', 'postgres://app:hunter2@one.example,two.example/crm'],
    ['a socket path', 'postgres://app:hunter2@%2Fvar%2Frun%2Fpostgresql/crm'],
    ['a socket by an empty host', 'postgres://app:hunter2@/crm'],
    ['no database', 'postgres://app:hunter2@db.example/'],
    ['no password', 'postgres://app@db.example/crm'],
    ['no user', 'postgres://:hunter2@db.example/crm'],
    ['another scheme', 'mysql://app:hunter2@db.example/crm'],
    ['a port out of range', 'postgres://app:hunter2@db.example:65536/crm'],
    ['port 0', 'postgres://app:hunter2@db.example:0/crm'],
    ['broken percent-encoding', 'postgres://app:hunter2%@db.example/crm'],
    ['a line break in the host', 'postgres://app:hunter2@db.example\n.evil/crm'],
    ['a fragment', 'postgres://app:hunter2@db.example/crm#x'],
    ['nothing', ''],
    ['an address that is not written out', 'postgres://app:hunter2@127.1/crm'],
    ['an address as one number', 'postgres://app:hunter2@2130706433/crm'],
    ['an address in hexadecimal', 'postgres://app:hunter2@0x7f.1/crm'],
    ['an address in octal', 'postgres://app:hunter2@0177.0.0.1/crm'],
    ['an address with a dot behind it', 'postgres://app:hunter2@127.0.0.1./crm'],
    ['an address in other digits', 'postgres://app:hunter2@①②⑦.0.0.1/crm'],
    ['an IPv6 address with a zone', 'postgres://app:hunter2@[fe80::1%25eth0]/crm'],
    ['an IPv6 address that is none', 'postgres://app:hunter2@[::1::2]/crm'],
    ['a file', 'file:///etc/passwd'],
    ['another protocol', 'gopher://app:hunter2@db.example/crm'],
    ['a web address', 'http://app:hunter2@db.example/crm'],
  ])('refuses %s, and its message never repeats the URL', (_what, url) => {
    const parse = () => parseConnectionUrl(url);
    expect(parse).toThrow(ConnectionUrlError);
    expect(parse).not.toThrow(/hunter2|db\.example|evil/);
  });
});

describe('formatConnectionUrl', () => {
  it.each(['plain', 'p@ss:w/o?r#d %41', '100%'])(
    'gives what parses to the same: %j',
    (password) => {
      const settings = {
        host: '::1',
        port: 5433,
        database: 'a b',
        user: 'u@x',
        password,
        tls: 'require',
      } as const;
      expect(parseConnectionUrl(formatConnectionUrl(settings))).toEqual(settings);
    },
  );
});

describe('toClientConfig', () => {
  it('checks the certificate in verify-full only, and never in silence goes without TLS', () => {
    const ssl = (tls: 'disable' | 'require' | 'verify-full') =>
      toClientConfig({ host: 'h', port: 1, database: 'd', user: 'u', password: 'p', tls }).ssl;
    expect(ssl('disable')).toBe(false);
    expect(ssl('require')).toEqual({ rejectUnauthorized: false });
    expect(ssl('verify-full')).toEqual({ rejectUnauthorized: true });
  });
});
