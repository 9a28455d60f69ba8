import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { attachEmbedded, openEmbedded } from '../../src/embedded/embedded-attach';
import { prepareEmbedded } from '../../src/embedded/embedded-settings';

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'attach-'));
  await chmod(home, 0o711);
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function serverOf(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ started: string }>(
      'select pg_postmaster_start_time()::text as started',
    );
    return rows[0]?.started ?? '';
  } finally {
    await client.end();
  }
}

interface Running {
  /** Resolves once the process has said the line. */
  said(line: string): Promise<void>;
  finish(): Promise<{ readonly code: number | null; readonly output: string }>;
}

function command(): Running {
  const script = join(__dirname, '..', 'support', 'embedded-command.ts');
  const child = spawn(process.execPath, ['-r', 'sucrase/register', script, home]);
  let output = '';
  const waiting = new Map<string, () => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const [line, resolve] of waiting) if (output.includes(line)) resolve();
  });
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
  const said = (line: string) =>
    new Promise<void>((resolve) => {
      if (output.includes(line)) resolve();
      else waiting.set(line, resolve);
    });
  const finish = () => {
    child.stdin.end();
    return ended;
  };
  return { said, finish };
}

describe('openEmbedded', () => {
  it('starts a server where nobody runs one, and stops it again', async () => {
    expect(await attachEmbedded(home)).toBeUndefined();
    const opened = await openEmbedded(home);
    expect(opened.started).toBe(true);
    await serverOf(opened.settings.REGISTRY_URL);
    await opened.close();
    await opened.close();
    expect(await attachEmbedded(home)).toBeUndefined();
    await expect(serverOf(opened.settings.REGISTRY_URL)).rejects.toThrow();
  });

  it('attaches to a server that runs, with the same settings, and leaves it running', async () => {
    const owner = await prepareEmbedded(home);
    const started = await serverOf(owner.settings.REGISTRY_URL);
    const attached = await openEmbedded(home);
    expect(attached.started).toBe(false);
    expect(attached.settings).toEqual(owner.settings);
    expect(attached.dataSources).toEqual(owner.dataSources);
    await attached.close();
    expect(await serverOf(attached.settings.REGISTRY_URL)).toBe(started);
    await owner.postgres.stop();
  });

  it('lets two commands that begin together both do their work', async () => {
    const ended = await Promise.all(
      [command(), command(), command()].map(({ finish }) => finish()),
    );
    for (const { code, output } of ended) {
      expect(output).toMatch(/(started|attached)[^]*done/);
      expect(code).toBe(0);
    }
  });

  it('does not stop the server under another command that still uses it', async () => {
    const owner = command();
    await owner.said('started');
    const other = command();
    await other.said('attached');
    const ownerEnded = owner.finish();
    await owner.said('Another command uses the embedded Postgres');
    expect(await other.finish()).toEqual({ code: 0, output: 'attached\ndone\n' });
    expect((await ownerEnded).code).toBe(0);
    expect(await attachEmbedded(home)).toBeUndefined();
  });
});
