import { Client } from 'pg';
import { createMigrationSource } from '../../src/database/migration-source';
import { OLDEST_SERVED_SCHEMA } from '../../src/database/compatibility-statement';
import { runFleet } from '../../src/tenancy/fleet-run';
import { ask } from '../support/data-sources';
import { createFleet, runScript, type Fleet } from '../support/fleet';
import { testConfig } from '../support/world';

const LAST = createMigrationSource('tenant').names.at(-1) ?? '';
const OBSTACLE = 'create table cloister.change_log ()';
const nameOf = (index: number): string => `s-${String(index).padStart(2, '0')}`;

let fleet: Fleet;
beforeEach(async () => {
  fleet = await createFleet();
});
afterEach(() => fleet.close());

const add = async (count: number): Promise<void> => {
  for (let index = 1; index <= count; index += 1) await fleet.add(nameOf(index));
};
const urlOf = (name: string): string => fleet.sources.get(name)?.ownerUrl ?? '';
const versions = async (): Promise<(string | undefined)[]> => {
  const found = [];
  for (const name of fleet.sources.keys()) found.push(await fleet.versionOf(name));
  return found;
};

it('brings thirty data sources up although one fails in its place, and then does only what is left', async () => {
  await add(30);
  await ask(urlOf('s-07'), OBSTACLE);

  const first = await fleet.migrate('--all', '--parallel', '3');
  expect(first.exitCode).toBe(1);
  expect(first.stdout).toMatch(/^s-07: FAILED: .*change_log.* already exists \(\d+ of 30 done/m);
  expect(first.stdout).toMatch(/^s-07 +0003_import_runs +0 +FAILED$/m);
  expect(first.stdout).toMatch(/^s-30: migrated, \d+ applied \(\d+ of 30 done/m);
  expect(first.stdout).toContain('Data sources: 29 migrated, 0 up to date already, 1 failed.');
  expect((await versions()).filter((version) => version !== LAST)).toEqual([OLDEST_SERVED_SCHEMA]);

  const { stdout: status } = await fleet.migrate('--status');
  expect(status).toMatch(/^s-07 +0003_import_runs +0 +behind$/m);
  expect(status).toMatch(/^s-07: last failed \d{4}-.*Z: .*already exists/m);

  await ask(urlOf('s-07'), 'drop table cloister.change_log');
  const second = await fleet.migrate('--all', '--parallel', '3');
  expect(second.exitCode).toBe(0);
  expect(second.stdout).toContain('Data sources: 1 migrated, 29 up to date already, 0 failed.');
  expect((await fleet.migrate('--status')).stdout).not.toContain('last failed');
  expect(new Set(await versions())).toEqual(new Set([LAST]));
}, 120_000);

describe('what stops a run', () => {
  it('begins nothing else once a canary has failed', async () => {
    await add(4);
    await ask(urlOf('s-03'), OBSTACLE);
    await ask(
      fleet.registry.ownerUrl,
      `update registry.data_sources set canary = true where name in ('s-02', 's-03')`,
    );
    const { exitCode, stdout } = await fleet.migrate();
    expect(exitCode).toBe(1);
    expect(stdout).toContain('2 not begun, because the canary s-03 has failed.');
    expect(await versions()).toEqual([
      OLDEST_SERVED_SCHEMA,
      LAST,
      OLDEST_SERVED_SCHEMA,
      OLDEST_SERVED_SCHEMA,
    ]);
    // One that is named goes first as well.
    expect((await fleet.migrate('--canary', 's-04')).stdout).toContain('1 not begun');
    expect(await fleet.versionOf('s-04')).toBe(LAST);
  });

  it('begins nothing else once more have failed than may', async () => {
    await add(6);
    for (const name of ['s-01', 's-02', 's-03', 's-05']) await ask(urlOf(name), OBSTACLE);
    const { exitCode, stdout } = await fleet.migrate('--parallel', '1', '--max-failures', '1');
    expect(exitCode).toBe(1);
    expect(stdout).toContain('4 not begun, because 2 data sources have failed, and 1 may.');
    expect(await fleet.versionOf('s-04')).toBe(OLDEST_SERVED_SCHEMA);
    const [run] = await ask(
      fleet.registry.ownerUrl,
      'select state, stopped_because from registry.fleet_runs',
    );
    expect(run).toEqual({
      state: 'stopped',
      stopped_because: '2 data sources have failed, and 1 may',
    });
  });
});

describe('one runner at a time', () => {
  it('a second one is told who is at it and since when', async () => {
    await add(1);
    const blocker = await openReader(urlOf('s-01'));
    const first = fleet.migrate('--lock-attempts', '8');
    const started = await waitFor(async () => {
      const rows = await ask<{ started_at: Date }>(
        fleet.registry.ownerUrl,
        `select started_at from registry.fleet_runs where state = 'running'`,
      );
      return rows[0]?.started_at;
    });
    // Not `cloister` in this process: its output is the first one's.
    const { code, stderr } = await runScript('fleet-runner.ts', ['0'], fleet.environment);
    expect(code).not.toBe(0);
    expect(stderr).toContain(`(process ${process.pid}) has had one since ${started.toISOString()}`);
    await blocker.end();
    expect((await first).exitCode).toBe(0);
  });

  it('goes on where a killed one stopped, and says so of that one', async () => {
    await add(6);
    const killed = await runScript('fleet-runner.ts', ['3'], fleet.environment);
    expect(killed.signal).toBe('SIGKILL');
    const before = await versions();
    const left = before.filter((version) => version !== LAST).length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(3);
    // Its connections, and with them its lock, go within a moment.
    const result = await waitFor(async () => {
      const tried = await fleet.migrate();
      return tried.stderr.includes('Expected no other run') ? undefined : tried;
    });
    expect(result.stdout).toContain(
      `Data sources: ${left} migrated, ${6 - left} up to date already, 0 failed.`,
    );
    const runs = await ask(
      fleet.registry.ownerUrl,
      'select state, stopped_because from registry.fleet_runs order by started_at',
    );
    expect(runs).toEqual([
      { state: 'interrupted', stopped_because: 'killed' },
      { state: 'finished', stopped_because: null },
    ]);
  });
});

it('ends at Ctrl-C between two data sources, with everything that was begun finished', async () => {
  await add(6);
  const interruption = new AbortController();
  const reason = new Error('Interrupted.');
  const running = runFleet(fleet.tenancy, await fleet.tenancy.registry.listDataSources(), {
    config: testConfig(fleet.registry),
    startedBy: 'somebody',
    parallel: 2,
    maxFailures: 0,
    signal: interruption.signal,
    onOutcome: (_outcome, { done }) => {
      if (done === 2) interruption.abort(reason);
    },
  });
  await expect(running).rejects.toBe(reason);
  const reached = await versions();
  // Each stands at the end of some migration, and what the registry says is so.
  const { names } = createMigrationSource('tenant');
  expect(reached.every((version) => names.includes(version ?? ''))).toBe(true);
  expect(reached.filter((version) => version === LAST).length).toBeGreaterThanOrEqual(2);
  expect(reached).toContain(OLDEST_SERVED_SCHEMA);
  const [run] = await ask(fleet.registry.ownerUrl, 'select state from registry.fleet_runs');
  expect(run).toEqual({ state: 'interrupted' });
  expect((await fleet.migrate()).exitCode).toBe(0);
  expect(new Set(await versions())).toEqual(new Set([LAST]));
});

describe('a migration that waits for a lock', () => {
  it('lets the traffic through, tries again, and fails when it gets none', async () => {
    await add(1);
    const url = fleet.sources.get('s-01')?.appUrl ?? '';
    const blocker = await openReader(urlOf('s-01'));
    const traffic = startTraffic(url);
    const { exitCode, stdout } = await fleet.migrate('--lock-attempts', '4');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^s-01: 0004_change_log waits for locks \(attempt 1 of 4\)$/m);
    expect(stdout).toMatch(/s-01: 0004_change_log did not get the locks it needs in 4 attempts/);
    expect(stdout).toContain('Run `cloister migrate` again when there is less traffic');
    // Each of them waited less than the two seconds that a request is patient here.
    const { done, failed } = await traffic.stop();
    expect(failed).toEqual([]);
    expect(done).toBeGreaterThan(10);
    expect(await fleet.versionOf('s-01')).toBe(OLDEST_SERVED_SCHEMA);

    const second = fleet.migrate('--lock-attempts', '8');
    setTimeout(() => void blocker.end(), 1500);
    expect((await second).exitCode).toBe(0);
    const [row] = await ask(
      fleet.registry.ownerUrl,
      `select state, lock_waits > 0 as waited from registry.fleet_run_results order by started_at desc`,
    );
    expect(row).toEqual({ state: 'migrated', waited: true });
  });

  it('gets them all at once when writes lock the same tables in another order, without a pause', async () => {
    await add(1);
    const writer = new Client({ connectionString: urlOf('s-01') });
    await writer.connect();
    let stopped = false;
    // 0004_change_log comes to the users first and to the dates of events last.
    const writing = (async () => {
      while (!stopped) {
        await writer.query('begin; lock table cloister.event_dates in row exclusive mode');
        await writer.query('lock table cloister.users in row exclusive mode; commit');
      }
    })();
    const { exitCode, stdout } = await fleet.migrate('--lock-attempts', '6');
    stopped = true;
    await writing;
    await writer.end();
    expect(stdout).toContain('waits for locks (attempt 1 of 6)');
    expect(exitCode).toBe(0);
  });
});

describe('looking before leaping', () => {
  it('--dry-run names what would run where, --rehearse finds what would fail; neither changes anything', async () => {
    await add(2);
    await ask(urlOf('s-02'), OBSTACLE);
    const { exitCode, stdout } = await fleet.migrate('--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^registry +\d{4}_\w+ +nothing$/m);
    expect(stdout).toMatch(/^s-01 +0003_import_runs +0004_change_log, 0005_credentials, /m);

    const rehearsed = await fleet.migrate('--rehearse');
    expect(rehearsed.exitCode).toBe(1);
    expect(rehearsed.stdout).toMatch(/^s-02: .*"change_log" already exists/m);
    expect(rehearsed.stdout).toMatch(/^s-01 +- +\d+ +rehearsed$/m);
    expect(await versions()).toEqual([OLDEST_SERVED_SCHEMA, OLDEST_SERVED_SCHEMA]);
    const runs = await ask(fleet.registry.ownerUrl, 'select from registry.fleet_runs');
    expect(runs).toEqual([]);
    const rows = await fleet.tenancy.registry.listDataSources();
    expect(rows.map(({ schemaVersion }) => schemaVersion)).toEqual([null, null]);
  });

  it('--status --json says it to machines', async () => {
    await add(1);
    const { stdout } = await fleet.migrate('--status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      outcomes: [
        { name: 'registry', state: 'current' },
        { name: 's-01', state: 'behind', version: OLDEST_SERVED_SCHEMA },
      ],
      lastFailures: [],
    });
  });
});

/** A report that somebody runs in the middle of the day. */
async function openReader(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('begin');
  await client.query('select count(*) from cloister.accounts');
  return client;
}

/** Requests one after another, each with the patience of a server's. */
function startTraffic(url: string): { stop(): Promise<{ done: number; failed: string[] }> } {
  let stopped = false;
  const failed: string[] = [];
  let done = 0;
  const working = (async () => {
    const client = new Client({ connectionString: url, statement_timeout: 2000 });
    await client.connect();
    while (!stopped) {
      await client.query('select count(*) from cloister.accounts').then(
        () => (done += 1),
        (error: Error) => failed.push(error.message),
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await client.end();
  })();
  return {
    async stop() {
      stopped = true;
      await working;
      return { done, failed };
    },
  };
}

async function waitFor<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('What was waited for did not come.');
}
