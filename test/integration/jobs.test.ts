/** Jobs in a real registry: made, worked off, tried again, given up, drained, killed, scheduled. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { version as bossVersion } from '../support/boss-version';
import type { Config } from '../../src/config';
import { createJobInspection } from '../../src/platform/jobs/job-inspection';
import type { JobData, JobHandler, JobOptions } from '../../src/platform/jobs/job.port';
import { createJobs, type Jobs } from '../../src/platform/jobs/jobs';
import { createJobsDatabase, type JobsDatabase } from '../../src/platform/jobs/jobs-database';
import { tenantJob } from '../../src/platform/jobs/tenant-job';
import { createLogger } from '../../src/server/logger';
import { ask, eventually } from '../support/data-sources';
import { cliEnvironment, cloister } from '../support/cli';
import { startTcpProxy } from '../support/tcp-proxy';
import { createWorld, testConfig, type World } from '../support/world';

const FAST = { retryDelaySeconds: 0, retryLimit: 2 };

describe('jobs', () => {
  let world: World;
  let config: Config;
  let db: JobsDatabase;
  let logs: Record<string, unknown>[];
  const started: Jobs[] = [];

  const logger = () =>
    createLogger(
      'info',
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          logs.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
          done();
        },
      }),
    );
  const jobsOf = (change: Partial<Config> = {}): Jobs => {
    const jobs = createJobs({
      config: { ...config, ...change },
      logger: logger(),
      pollEveryMs: 20,
    });
    started.push(jobs);
    return jobs;
  };
  const working = (name: string, handler: JobHandler, options: JobOptions = {}): Jobs => {
    const jobs = jobsOf();
    jobs.define(name, handler, options);
    jobs.start();
    return jobs;
  };
  const inspection = () => createJobInspection(db);
  const stateOf = async (id: string | undefined) => (await inspection().show(id ?? ''))?.state;
  const ends = (id: string | undefined, state: string) =>
    eventually(
      () => stateOf(id),
      (seen) => seen === state,
      15_000,
    );
  const registrySql = (text: string, values: unknown[] = []) =>
    world.sql(world.registry, text, values);

  beforeAll(async () => {
    world = await createWorld();
    config = testConfig(world.registry, { JOBS_CONCURRENCY: '4', JOBS_LEASE_SECONDS: '4' });
    db = createJobsDatabase(config);
  });
  beforeEach(() => {
    logs = [];
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((jobs) => jobs.stop()));
  });
  afterAll(async () => {
    await db.close();
    await world.close();
  });

  it('stand in tables that are those of the installed pg-boss, made by a role that is not ours', async () => {
    const { owner, version } = (
      await registrySql(
        `select tableowner as owner, (select version from jobs.version) as version
         from pg_tables where schemaname = 'jobs' and tablename = 'job'`,
      )
    )[0] as { owner: string; version: number };
    expect(version).toBe(bossVersion);
    expect(owner).not.toBe(new URL(world.registry.appUrl).username);
  });

  it('are worked off with their data, and keep what they came to', async () => {
    const seen: JobData[] = [];
    const jobs = working('test.sum', async ({ data }) => {
      seen.push(data);
      return { rows: 3 };
    });
    const id = await jobs.enqueue('test.sum', { accountId: 'a-1' });
    await ends(id, 'completed');
    expect(seen).toEqual([{ accountId: 'a-1' }]);
    expect((await inspection().show(id ?? ''))?.output).toEqual({ rows: 3 });
  });

  it('refuse a payload that may hold a secret, and a kind that nobody defined', async () => {
    const jobs = working('test.refuse', async () => undefined);
    await expect(jobs.enqueue('test.refuse', { password: 'x' })).rejects.toThrow(
      'name of a secret',
    );
    await expect(jobs.enqueue('test.other', {})).rejects.toThrow('define it first');
  });

  it('are tried again, and become dead letters, which an operator sees and lets be tried once more', async () => {
    let attempts = 0;
    let mended = false;
    const jobs = working(
      'test.fails',
      async ({ attempt }) => {
        attempts += 1;
        expect(attempt).toBe(((attempts - 1) % 3) + 1);
        if (!mended) throw new Error('postgres://user:canary-secret@host/db does not answer');
      },
      FAST,
    );
    const id = await jobs.enqueue('test.fails', { tenantId: world.tenants.alpha.id });
    await ends(id, 'failed');
    expect(attempts).toBe(3);
    const [letter] = await eventually(
      () => inspection().dead({ name: 'test.fails', limit: 10 }),
      ({ length }) => length === 1,
    );
    expect(letter).toMatchObject({ name: 'test.fails', state: 'dead' });
    const everything = JSON.stringify([logs, await registrySql('select * from jobs.job')]);
    expect(everything).not.toContain('canary-secret');
    expect(logs.map(({ msg }) => msg)).toEqual([
      'job failed, and will be tried again',
      'job failed, and will be tried again',
      'job failed for the last time',
    ]);

    mended = true;
    const environment = cliEnvironment(world.registry);
    const dead = await cloister(['jobs', 'dead', '--tenant', 'alpha'], environment);
    expect(dead.stdout).toContain(letter?.id);
    const shown = await cloister(['jobs', 'show', letter?.id ?? ''], environment);
    expect(shown.stdout).toContain(`tenantId=${world.tenants.alpha.id}`);
    const retried = await cloister(['jobs', 'retry', letter?.id ?? ''], environment);
    expect(retried).toMatchObject({ exitCode: 0, stdout: '1 job(s) will be tried again.\n' });
    await eventually(
      () => inspection().list({ name: 'test.fails', limit: 10 }),
      (all) => all.some(({ state }) => state === 'completed'),
    );
    expect(await inspection().dead({ limit: 10 })).toEqual([]);
    const again = await cloister(['jobs', 'retry', letter?.id ?? ''], environment);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('There is no such job');
  });

  it('wait longer before each try', async () => {
    const jobs = working('test.backoff', () => Promise.reject(new Error('no')), {
      retryDelaySeconds: 60,
    });
    const id = await jobs.enqueue('test.backoff', {});
    const delays: number[] = [];
    for (let time = 0; time < 3; time += 1) {
      await ends(id, 'retry');
      const job = await inspection().show(id ?? '');
      delays.push((job?.startAfter.getTime() ?? 0) - Date.now());
      await registrySql('update jobs.job set start_after = now() where id = $1', [id]);
      await eventually(
        () => inspection().show(id ?? ''),
        (seen) => seen?.attempts !== job?.attempts && seen?.state === 'retry',
      );
    }
    // Between one and two times the delay, doubled: 60–120, 120–240, 240–480 seconds.
    for (const [tries, ms] of delays.entries()) {
      const least = 60_000 * 2 ** tries;
      expect(ms).toBeGreaterThan(least - 5000); // so much may have passed since
      expect(ms).toBeLessThanOrEqual(2 * least);
    }
    expect(delays).toHaveLength(3);
  });

  it('run as many at once as the process is told and as their kind allows, never more', async () => {
    let now = 0;
    let most = 0;
    const handler: JobHandler = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 30));
      now -= 1;
    };
    const jobs = jobsOf();
    jobs.define('test.wide', handler);
    jobs.define('test.narrow', handler, { atOnce: 1 });
    const wide = await Promise.all(
      Array.from({ length: 12 }, (_, n) => jobs.enqueue('test.wide', { n })),
    );
    jobs.start();
    for (const id of wide) await ends(id, 'completed');
    expect(most).toBe(4);
    most = 0;
    for (const n of [1, 2, 3]) await jobs.enqueue('test.narrow', { n });
    await eventually(
      () => inspection().list({ name: 'test.narrow', limit: 10 }),
      (all) => all.every(({ state }) => state === 'completed'),
    );
    expect(most).toBe(1);
  });

  it('use a handful of connections, whatever they are', async () => {
    const jobs = working('test.many', async () => undefined);
    const ids = await Promise.all(
      Array.from({ length: 40 }, (_, n) => jobs.enqueue('test.many', { n })),
    );
    const [row] = (await registrySql(
      `select count(*)::int as open from pg_stat_activity
       where datname = current_database() and application_name = 'cloister-jobs'`,
    )) as { open: number }[];
    expect(row?.open).toBeLessThanOrEqual(6); // three of the worker, three of this test's own
    for (const id of ids) await ends(id, 'completed');
  });

  it('of a tenant run in that tenant’s session, and not for one that is suspended', async () => {
    const { tenancy } = world.application;
    const jobs = working(
      'test.tenant',
      tenantJob(tenancy, async ({ session, tenant }) => {
        const rows = await session.query<{ email: string }>({
          text: 'select email from cloister.users order by email',
          values: [],
        });
        return { slug: tenant.slug, first: rows[0]?.email ?? '', count: rows.length };
      }),
    );
    const run = async (tenantId: string) => {
      const id = await jobs.enqueue('test.tenant', { tenantId });
      await ends(id, 'completed');
      return (await inspection().show(id ?? ''))?.output;
    };
    // Alpha and beta share a database: the session shows one of them.
    expect(await run(world.tenants.beta.id)).toEqual({
      slug: 'beta',
      first: 'admin@beta.test',
      count: 3,
    });
    await registrySql("update registry.tenants set status = 'suspended' where slug = 'beta'");
    expect(await run(world.tenants.beta.id)).toEqual({ skipped: 'suspended' });
    await registrySql("update registry.tenants set status = 'active' where slug = 'beta'");
  });

  it('may be made in the transaction that calls for them, and are not made when it fails', async () => {
    const jobs = jobsOf();
    jobs.define('test.outbox', async () => undefined);
    await jobs.enqueue('test.outbox', { n: 0 });
    const attempt = db.transaction(async (tx) => {
      await jobs.enqueue('test.outbox', { n: 1 }, { within: tx });
      throw new Error('changed my mind');
    });
    await expect(attempt).rejects.toThrow('changed my mind');
    expect(await inspection().list({ name: 'test.outbox', limit: 10 })).toHaveLength(1);
  });

  describe('that recur', () => {
    const due = (name: string) =>
      registrySql('update jobs.job_schedules set next_run_at = now() where name = $1', [name]);

    it('are made once for each period, however many processes look', async () => {
      let runs = 0;
      const define = (jobs: Jobs): Jobs => {
        const count: JobHandler = async () => void (runs += 1);
        jobs.define('test.round', count, { recurs: { everySeconds: 86_400, atSeconds: 10_800 } });
        return jobs;
      };
      const all = [define(jobsOf()), define(jobsOf()), define(jobsOf())];
      await all[0]?.enqueue('test.round', {}); // the queue and its schedule are there
      const [row] = (await registrySql(
        "select extract(epoch from next_run_at)::int % 86400 as at from jobs.job_schedules where name = 'test.round'",
      )) as { at: number }[];
      expect(row?.at).toBe(10_800);
      await registrySql("delete from jobs.job where name = 'test.round'");
      await due('test.round');
      for (const jobs of all) jobs.start();
      await eventually(
        () => runs,
        (seen) => seen > 0,
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(runs).toBe(1);
    });

    it('do not overlap: one runs and one waits, the rest is dropped', async () => {
      const recurs = { everySeconds: 3600 };
      let release = (): void => undefined;
      const jobs = working(
        'test.lonely',
        () => new Promise<void>((resolve) => (release = resolve)),
        { recurs },
      );
      const first = await jobs.enqueue('test.lonely', {});
      await ends(first, 'active');
      expect(await jobs.enqueue('test.lonely', {})).toBeDefined();
      expect(await jobs.enqueue('test.lonely', {})).toBeUndefined();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const states = (await inspection().list({ name: 'test.lonely', limit: 9 })).map(
        ({ state }) => state,
      );
      expect(states.sort()).toEqual(['active', 'created']);
      release();
      await ends(first, 'completed');
      await eventually(
        () => inspection().list({ name: 'test.lonely', limit: 9 }),
        (all) => all.some(({ state }) => state === 'active'),
      );
      release();
    });

    it('are made for each tenant in use; a tenant with a time of its own follows that alone', async () => {
      await registrySql("update registry.tenants set status = 'closed' where slug = 'delta'");
      const seen: string[] = [];
      const jobs = jobsOf();
      jobs.define('test.each', async ({ data }) => void seen.push(String(data['tenantId'])), {
        recurs: { everySeconds: 1, eachTenant: true },
      });
      await jobs.schedule('test.each', { tenantId: world.tenants.beta.id, everySeconds: 86_400 });
      await jobs.enqueue('test.each', { tenantId: world.tenants.beta.id });
      jobs.start();
      await eventually(
        () => new Set(seen).size,
        (count) => count === 3,
        10_000,
      );
      const { alpha, beta, gamma } = world.tenants;
      expect([...new Set(seen)].sort()).toEqual([alpha.id, beta.id, gamma.id].sort());
      expect(seen.filter((id) => id === beta.id)).toHaveLength(1);
      await jobs.unschedule('test.each', beta.id);
      await registrySql("delete from jobs.job_schedules where name = 'test.each'");
      await registrySql("update registry.tenants set status = 'active' where slug = 'delta'");
    });
  });

  it('end in order: what runs finishes, what does not in time is returned untouched', async () => {
    let release = (): void => undefined;
    const jobs = working('test.drain', ({ data, signal }) =>
      data['quick'] === true
        ? new Promise<void>((resolve) => (release = resolve))
        : new Promise<void>((_, reject) =>
            signal.addEventListener('abort', () => reject(new Error('stop'))),
          ),
    );
    const quick = await jobs.enqueue('test.drain', { quick: true });
    await ends(quick, 'active');
    const stopping = jobs.stop();
    const later = jobsOf();
    later.define('test.drain', async () => undefined);
    const waiting = await later.enqueue('test.drain', { quick: true });
    release();
    await stopping;
    expect(await stateOf(quick)).toBe('completed');
    expect(await stateOf(waiting)).toBe('created'); // nothing more was taken

    const hasty = jobsOf({ http: { ...config.http, shutdownGraceMs: 50 } });
    hasty.define(
      'test.endless',
      ({ signal }) =>
        new Promise<void>((_, reject) =>
          signal.addEventListener('abort', () => reject(new Error('stop'))),
        ),
    );
    hasty.start();
    const slow = await hasty.enqueue('test.endless', {});
    await ends(slow, 'active');
    await hasty.stop();
    expect(await inspection().show(slow ?? '')).toMatchObject({ state: 'retry', attempts: 0 });
  });

  it('survive the killing of the process that runs them: none is lost', async () => {
    const worker = spawn(
      process.execPath,
      ['-r', 'sucrase/register', join(__dirname, '../support/jobs.process.ts')],
      {
        env: {
          ...cliEnvironment(world.registry),
          JOBS_CONCURRENCY: '2',
          JOBS_LEASE_SECONDS: '4',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const output = collect(worker);
    const jobs = jobsOf();
    const done: [unknown, number][] = [];
    jobs.define(
      'test.slow',
      async ({ data, attempt }) => void done.push([data['item'], attempt]),
      FAST,
    );
    const ids = await Promise.all([1, 2, 3].map((item) => jobs.enqueue('test.slow', { item })));
    await eventually(output, (text) => (text.match(/began/g) ?? []).length === 2, 20_000);
    const exited = once(worker, 'exit');
    worker.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
    jobs.start();
    for (const id of ids) await ends(id, 'completed');
    expect(done.map(([item]) => item as number).sort()).toEqual([1, 2, 3]);
    // Those that the killed process had begun are in their second try.
    expect(done.filter(([, attempt]) => attempt === 2)).toHaveLength(2);
  });

  it('are kept by a process that lives, however long they take', async () => {
    let taken = 0;
    const jobs = working('test.long', async ({ progress }) => {
      taken += 1;
      await progress({ rows: 10 });
      await new Promise((resolve) => setTimeout(resolve, 6000)); // longer than the loan
    });
    const id = await jobs.enqueue('test.long', {});
    await ends(id, 'active');
    await eventually(
      () => inspection().show(id ?? ''),
      (seen) => seen?.output?.['rows'] === 10,
    );
    await ends(id, 'completed');
    expect(taken).toBe(1);
  });

  it('pause while the registry is away, say so once, and go on', async () => {
    const proxy = await startTcpProxy(world.registry.appUrl);
    try {
      proxy.set('refuse');
      const jobs = jobsOf({
        registry: { ...config.registry, url: proxy.through(world.registry.appUrl) },
      });
      let runs = 0;
      jobs.define('test.pause', async () => void (runs += 1));
      jobs.start();
      await eventually(
        () => proxy.attempts(),
        (attempts) => attempts >= 4,
        10_000,
      );
      proxy.set('pass');
      const enqueue = (): Promise<unknown> => jobs.enqueue('test.pause', {});
      // A connection that was begun while it was away may still fail.
      await enqueue().catch(enqueue).catch(enqueue);
      await eventually(
        () => runs,
        (seen) => seen === 1,
        15_000,
      );
      proxy.set('refuse');
      proxy.cut();
      await eventually(
        () => logs.length,
        (count) => count === 3,
        15_000,
      );
      proxy.set('pass');
      await eventually(
        () => logs.length,
        (count) => count === 4,
        25_000,
      );
      expect(logs.map(({ msg }) => msg)).toEqual([
        'jobs pause: the registry does not answer',
        'jobs go on: the registry is back',
        'jobs pause: the registry does not answer',
        'jobs go on: the registry is back',
      ]);
      await jobs.stop();
    } finally {
      await proxy.close();
    }
  });

  it('are shown by kind', async () => {
    const { stdout, exitCode } = await cloister(['jobs', 'kinds'], cliEnvironment(world.registry));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^KIND +WAITING +ACTIVE +FAILED +DEAD +EVERY/);
    expect(stdout).toMatch(/^test\.round +\d+ +0 +0 +0 +86400 s/m);
    expect(await ask(world.registry.superuserUrl, 'select 1 from jobs.subscription')).toEqual([]);
  });
});

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
