/** The look at a database before it is enrolled: what is found, and that the SQL that mends it does. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Client } from 'pg';
import { createAddressGuard } from '../../src/database/address-guard';
import {
  dataSourcePreflight,
  type PreflightReport,
  type PreflightSpec,
} from '../../src/tenancy/preflight/data-source-preflight';
import type {
  PreflightCheck,
  PreflightFinding,
} from '../../src/tenancy/preflight/preflight-finding';
import { superuserUrl } from '../support/databases';
import { findPgBouncer, startPgBouncer } from '../support/pgbouncer';

const PASSWORD = 'hunter2-of-the-preflight';
const SUFFIX = randomBytes(4).toString('hex');
const OWNER = `preflight_owner_${SUFFIX}`;
const APP = `preflight_app_${SUFFIX}`;
const DATABASE = `preflight_${SUFFIX}`;
const LATIN = `preflight_latin_${SUFFIX}`;

const loopback = { addressGuard: createAddressGuard({ allowedNetworks: ['127.0.0.0/8'] }) };

function urlAs(role: string, database = DATABASE, port?: number): string {
  const url = new URL(superuserUrl(database));
  url.username = role;
  url.password = PASSWORD;
  if (port !== undefined) url.port = String(port);
  return url.toString();
}

async function admin(text: string, database = 'postgres'): Promise<void> {
  const client = new Client({ connectionString: superuserUrl(database) });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

const spec = (change: Partial<PreflightSpec> = {}): PreflightSpec => ({
  placement: 'shared',
  url: urlAs(APP),
  migrationUrl: urlAs(OWNER),
  poolMax: 5,
  ...change,
});

async function preflight(change: Partial<PreflightSpec> = {}): Promise<PreflightReport> {
  const report = await dataSourcePreflight(loopback, spec(change));
  expect(JSON.stringify(report)).not.toContain(PASSWORD);
  return report;
}

const find = ({ findings }: PreflightReport, check: PreflightCheck): PreflightFinding | undefined =>
  findings.find((finding) => finding.check === check);

/** Runs what a finding says and looks again. */
async function mend(finding: PreflightFinding | undefined): Promise<PreflightReport> {
  const sql = finding?.sql ?? null;
  if (sql === null) throw new Error(`Expected SQL that mends: ${JSON.stringify(finding)}`);
  await admin(sql, DATABASE);
  return preflight();
}

beforeAll(async () => {
  const role = `login password '${PASSWORD}'`;
  await admin(`create role ${OWNER} ${role}`);
  await admin(`create role ${APP} ${role}`);
  await admin(`create database ${DATABASE} template template0`);
  await admin(`grant create on database ${DATABASE} to ${OWNER}`);
  await admin(
    `create database ${LATIN} encoding 'LATIN1' locale_provider libc lc_collate 'C' lc_ctype 'C' template template0`,
  );
});
afterAll(async () => {
  await admin(`drop database if exists ${DATABASE} with (force)`);
  await admin(`drop database if exists ${LATIN} with (force)`);
  await admin(`drop role ${APP}`);
  await admin(`drop role ${OWNER}`);
});

describe('the preflight of a database', () => {
  it('that is fit says so in all respects, with how far away it is', async () => {
    const report = await preflight();
    expect(report.findings.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(report).toMatchObject({
      ok: true,
      server: {
        role: APP,
        database: DATABASE,
        encoding: 'UTF8',
        viaPooler: false,
        standby: false,
        tlsProtocol: null,
      },
      settings: { namedStatements: true, sessionStyle: 'direct' },
    });
    expect(report.server?.versionNumber).toBeGreaterThanOrEqual(130_000);
    expect(report.server?.roundTripMs).toEqual(expect.any(Number));
    expect(report.server?.maxConnections).toBeGreaterThan(0);
    expect(find(report, 'tls')).toMatchObject({ status: 'warning', detail: 'not encrypted' });
  });

  it.each([
    ['superuser', 'nosuperuser'],
    ['bypassrls', 'nobypassrls'],
    ['createrole', 'nocreaterole'],
    ['replication', 'noreplication'],
  ])('finds a run-time role with %s too strong, and mends it', async (attribute) => {
    await admin(`alter role ${APP} ${attribute}`);
    const report = await preflight();
    expect(report.ok).toBe(false);
    expect(find(report, 'role')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(attribute) as string,
    });
    expect((await mend(find(report, 'role'))).ok).toBe(true);
  });

  it('finds a run-time role that is a member of the owner, and mends it', async () => {
    await admin(`create schema cloister authorization ${OWNER}`, DATABASE);
    await admin(
      `create table cloister.schema_migrations (id int); alter table cloister.schema_migrations owner to ${OWNER}`,
      DATABASE,
    );
    await admin(`grant ${OWNER} to ${APP}`);
    const report = await preflight();
    expect(find(report, 'role')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('owner') as string,
    });
    const mended = await mend(find(report, 'role'));
    expect(find(mended, 'role')?.status).toBe('passed');
    await admin('drop schema cloister cascade', DATABASE);
  });

  it('finds one role for both purposes', async () => {
    const report = await preflight({ url: urlAs(OWNER) });
    expect(report.ok).toBe(false);
    expect(find(report, 'role')?.detail).toContain('also the role that migrates');
  });

  it('finds an owner that may not make the schema, and mends it', async () => {
    await admin(`revoke create on database ${DATABASE} from ${OWNER}`);
    const report = await preflight();
    expect(find(report, 'owner')).toMatchObject({ status: 'failed' });
    expect((await mend(find(report, 'owner'))).ok).toBe(true);
  });

  it('finds an owner that may not create what the search needs, and mends it', async () => {
    await admin(`revoke create on database ${DATABASE} from ${OWNER}`);
    await admin(`create schema cloister authorization ${OWNER}`, DATABASE);
    try {
      const finding = find(await preflight(), 'extensions');
      expect(finding).toMatchObject({
        status: 'failed',
        sql: 'create extension pg_trgm; create extension btree_gin;',
      });
      const byCustomer = await dataSourcePreflight(loopback, {
        placement: 'shared',
        url: urlAs(APP),
      });
      expect(find(byCustomer, 'extensions')?.status).toBe('warning');
      expect(find(await mend(finding), 'extensions')?.status).toBe('passed');
    } finally {
      await admin(
        `drop extension if exists pg_trgm; drop extension if exists btree_gin; drop schema cloister;
         grant create on database ${DATABASE} to ${OWNER}`,
        DATABASE,
      );
    }
  });

  it('finds two URLs that lead to different databases', async () => {
    const report = await preflight({ migrationUrl: urlAs(OWNER, LATIN) });
    expect(find(report, 'owner')).toMatchObject({
      status: 'failed',
      detail: 'the two URLs do not lead to the same database',
    });
  });

  it('finds an encoding that cannot hold the names of the world', async () => {
    const report = await preflight({ url: urlAs(APP, LATIN), migrationUrl: urlAs(OWNER, LATIN) });
    expect(report.ok).toBe(false);
    expect(find(report, 'encoding')).toMatchObject({ status: 'failed', detail: 'LATIN1' });
    expect(find(report, 'collation')).toMatchObject({ status: 'warning' });
  });

  it.each([
    [1, 'failed'],
    [4, 'warning'],
  ])('finds room for %i connections to be too few, and mends it', async (limit, status) => {
    await admin(`alter role ${APP} connection limit ${limit}`);
    const report = await preflight();
    expect(find(report, 'connections')).toMatchObject({ status });
    expect(find(await mend(find(report, 'connections')), 'connections')?.status).toBe('passed');
    await admin(`alter role ${APP} connection limit -1`);
  });

  it('finds a server without room for the pool', async () => {
    const report = await preflight({ poolMax: 1000 });
    expect(find(report, 'connections')).toMatchObject({
      status: 'warning',
      sql: expect.stringContaining('alter system set max_connections') as string,
    });
  });

  it('finds transactions that are read-only, and mends it', async () => {
    await admin(`alter role ${APP} set default_transaction_read_only = on`);
    const report = await preflight();
    expect(find(report, 'writable')).toMatchObject({ status: 'failed' });
    expect((await mend(find(report, 'writable'))).ok).toBe(true);
    await admin(`alter role ${APP} reset default_transaction_read_only`);
  });

  it('finds a time limit that migrations would not keep, and mends it', async () => {
    await admin(`alter role ${OWNER} set statement_timeout = '5s'`);
    const report = await preflight();
    expect(find(report, 'timeouts')).toMatchObject({ status: 'warning' });
    expect(find(await mend(find(report, 'timeouts')), 'timeouts')?.status).toBe('passed');
    await admin(`alter role ${OWNER} reset statement_timeout`);
  });

  it('finds a schema of our name that is not ours', async () => {
    await admin('create schema cloister', DATABASE);
    const report = await preflight();
    expect(find(report, 'schema')).toMatchObject({ status: 'failed' });
    expect((await mend(find(report, 'schema'))).ok).toBe(true);
    await admin('drop schema cloister_before', DATABASE);
  });

  it('asks for an owner where there is neither a schema nor somebody to make it', async () => {
    const report = await dataSourcePreflight(loopback, {
      placement: 'shared',
      url: urlAs(APP),
    });
    expect(report.ok).toBe(false);
    expect(find(report, 'schema')).toMatchObject({ status: 'failed' });
  });

  it('changes nothing', async () => {
    await preflight();
    const client = new Client({ connectionString: superuserUrl(DATABASE) });
    await client.connect();
    const { rows } = await client.query(
      `select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'`,
    );
    await client.end();
    expect(rows).toEqual([{ nspname: 'public' }]);
  });
});

const pgBouncer = findPgBouncer();
(pgBouncer === undefined ? describe.skip : describe)('behind PgBouncer', () => {
  it('finds the pooler, and that an old one carries no prepared statements', async () => {
    const bouncer = await startPgBouncer(urlAs(APP), { serverConnections: 2 });
    try {
      const report = await dataSourcePreflight(loopback, {
        placement: 'shared',
        url: bouncer.through(urlAs(APP)),
        migrationUrl: urlAs(OWNER),
      });
      expect(report.server?.viaPooler).toBe(true);
      const isOld = (pgBouncer ?? '').localeCompare('1.21', undefined, { numeric: true }) < 0;
      if (isOld) {
        expect(report.settings?.namedStatements).toBe(false);
        expect(find(report, 'pooler')).toMatchObject({
          status: 'warning',
          detail: 'one that does not carry prepared statements',
        });
      }
    } finally {
      await bouncer.close();
    }
  });
});

describe('the preflight of what is no database of ours', () => {
  const failing = async (url: string, change: Partial<PreflightSpec> = {}) => {
    const report = await preflight({ placement: 'byo', url, ...change });
    expect(report).toMatchObject({ ok: false, server: null, settings: null });
    return report.findings.at(-1);
  };
  const as = (rest: string): string => `postgres://app:${PASSWORD}@${rest}`;

  it.each([
    ['another host by parameter', as('db.example/crm?sslmode=require&host=127.0.0.1')],
    ['server options', as('db.example/crm?options=-c%20role%3Dx')],
    ['no TLS', as('db.example/crm?sslmode=disable')],
    ['no word of TLS', as('db.example/crm')],
    ['TLS that checks nothing', as('db.example/crm?sslmode=no-verify')],
    ['several hosts', as('a.example,b.example/crm?sslmode=require')],
    ['a socket', as('%2Ftmp/crm?sslmode=require')],
    ['an address in short', as('127.1/crm?sslmode=require')],
    ['an address as a number', as('2130706433/crm?sslmode=require')],
    ['an address in other digits', as('①②⑦.0.0.1/crm?sslmode=require')],
    ['a file', 'file:///etc/passwd'],
    ['a web address', `http://app:${PASSWORD}@db.example/crm`],
  ])('finds %s in the URL', async (_what, url) => {
    expect(await failing(url)).toMatchObject({ check: 'url', status: 'failed' });
    expect(
      await failing(as('db.example/crm?sslmode=require'), { migrationUrl: url }),
    ).toMatchObject({ check: 'url', detail: expect.stringMatching(/^URL of the owner/) as string });
  });

  it.each(['10.0.0.1', '169.254.169.254', '192.168.1.1', '[fd00:ec2::254]', '[::1]', '0.0.0.0'])(
    'does not connect to %s',
    async (host) => {
      expect(await failing(as(`${host}/crm?sslmode=require`))).toMatchObject({
        check: 'url',
        status: 'failed',
        detail: expect.stringContaining('not allowed') as string,
      });
    },
  );

  it('does not connect to a name that leads to such an address', async () => {
    const addressGuard = createAddressGuard({
      resolve: (_host, report) => report(null, [{ address: '169.254.169.254', family: 4 }]),
    });
    const report = await dataSourcePreflight(
      { addressGuard },
      { placement: 'byo', url: as('db.example/crm?sslmode=require') },
    );
    expect(report.findings.at(-1)).toMatchObject({
      check: 'connect',
      detail: expect.stringContaining('not allowed') as string,
    });
  });

  it('says in our own words what is wrong with the password, the database and the port', async () => {
    const wrong = new URL(urlAs(APP));
    wrong.password = 'wrong-one';
    expect((await failing(wrong.toString()))?.detail).toContain('the password is wrong');
    expect((await failing(urlAs(APP, 'no_such_database')))?.detail).toContain('no such database');
    expect((await failing(urlAs(APP, DATABASE, 1)))?.detail).toContain('nothing listens');
  });
});

describe('the preflight of a server that means harm', () => {
  let server: Server;
  let behave: (socket: Socket) => void;
  const sockets = new Set<Socket>();
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      behave(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const look = () =>
    preflight({ url: urlAs(APP, DATABASE, (server.address() as AddressInfo).port) });

  it('gives up on one that says nothing', async () => {
    behave = () => undefined;
    expect((await look()).findings.at(-1)).toMatchObject({ check: 'connect', status: 'failed' });
  });

  it('cuts one that never ends, and shows nothing of what it said', async () => {
    let sent = 0;
    behave = (socket) => {
      // A notice of 1 GB, of which as much comes as is read.
      const head = Buffer.from([0x4e, 0x40, 0, 0, 0]);
      socket.write(head);
      const chunk = Buffer.alloc(16_384, 'secret-of-the-server ');
      const more = (): void => {
        sent += chunk.length;
        if (!socket.destroyed) socket.write(chunk, () => setTimeout(more, 1));
      };
      more();
    };
    const report = await look();
    expect(report.findings.at(-1)).toMatchObject({ check: 'connect', status: 'failed' });
    expect(JSON.stringify(report)).not.toContain('secret-of-the-server');
    expect(sent).toBeLessThan(50_000_000);
  });
});
