/** A mover that is killed, at the end of every phase: the tenant works on, and the move goes on or back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';
import { sweepMoves } from '../../src/tenancy/move/move-tenant';
import { cliEnvironment } from '../support/cli';
import { eventually } from '../support/data-sources';
import type { TestDatabase } from '../support/databases';
import { createMoveWorld, rowsOf, type MoveWorld } from '../support/move-world';

let moving: MoveWorld;
let places: Readonly<Record<'shared' | 'spare', TestDatabase>>;
let at: 'shared' | 'spare' = 'shared';
beforeAll(async () => {
  moving = await createMoveWorld();
  places = {
    shared: moving.world.tenants.alpha.database,
    spare: await moving.addSource('spare', 'dedicated'),
  };
});
afterAll(() => moving.close());

/** Where the mover is held when it is killed: before the registry takes what it has just done. */
const MOMENTS = {
  'the target is prepared': "new.phase = 'copy'",
  'rows are being copied': "new.rows_copied > 0 and new.phase = 'copy'",
  'everything is copied': "new.phase = 'follow' and old.phase = 'copy'",
  'it has caught up': "new.phase = 'verify'",
  'it has compared': "new.phase = 'switch' and old.phase = 'verify'",
  'the source refuses and the registry has not switched':
    "new.phase = 'switched' and old.phase = 'switch'",
  'it has switched': "new.phase = 'switched' and old.phase = 'switched'",
} as const;
type Moment = keyof typeof MOMENTS;
const HELD = 4711;

/** Starts a move in a process of its own and kills it at the moment. `meanwhile` runs before that. */
async function killedWhen(moment: Moment, to: string, meanwhile: () => unknown): Promise<void> {
  const { registry } = moving.world;
  const holder = new Client({ connectionString: registry.superuserUrl });
  await holder.connect();
  try {
    await holder.query(`
      create or replace function registry.hold_mover() returns trigger language plpgsql as $$
        begin
          if ${MOMENTS[moment]} then perform pg_advisory_xact_lock_shared(${HELD}); end if;
          return new;
        end $$;
      create or replace trigger hold before update on registry.moves
        for each row execute function registry.hold_mover();
      select pg_advisory_lock(${HELD})`);
    const support = join(__dirname, '../support');
    const child = spawn(
      process.execPath,
      [
        '-r',
        join(support, 'typescript.register.cjs'),
        join(support, 'cloister.process.ts'),
        'move',
        'alpha',
        '--to',
        to,
      ],
      {
        env: {
          PATH: process.env['PATH'],
          NODE_ENV: 'test',
          ...cliEnvironment(registry),
          BYO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, 'exit');
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`The mover ended by itself: ${said}`);
        const { rows } = await holder.query(
          `select from pg_locks where locktype = 'advisory' and objid = ${HELD} and not granted
           and database = (select oid from pg_database where datname = current_database())`,
        );
        return rows.length;
      },
      (waiting) => waiting === 1,
      20_000,
    );
    await meanwhile();
    child.kill('SIGKILL');
    expect((await ended)[1]).toBe('SIGKILL');
    await holder.query(`select pg_advisory_unlock(${HELD}); drop trigger hold on registry.moves`);
    // The server has yet to notice that nobody is there any more. Other tests hold locks in databases
    // of theirs.
    const databases = [registry, places.shared, places.spare].map(({ superuserUrl }) =>
      new URL(superuserUrl).pathname.slice(1),
    );
    await eventually(
      async () =>
        (
          await holder.query(
            `select from pg_locks l join pg_database d on d.oid = l.database
             where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.mode = 'ExclusiveLock'
               and d.datname = any($1)`,
            [databases],
          )
        ).rows.length,
      (held) => held === 0,
    );
  } finally {
    await holder.end();
  }
}

const elsewhere = (): 'shared' | 'spare' => (at === 'shared' ? 'spare' : 'shared');
const namesIn = async (place: 'shared' | 'spare'): Promise<string[]> => {
  const rows = await moving.world.sql<{ name: string }>(
    places[place],
    'select name from cloister.accounts where tenant_id = $1 order by name',
    [moving.world.tenants.alpha.localTenantId],
  );
  return rows.map(({ name }) => name);
};
const names: string[] = [];
const write = async (name: string): Promise<void> => {
  await moving.createAccount('alpha', { name });
  names.push(name);
};

describe.each(Object.keys(MOMENTS) as Moment[])('killed when %s', (moment) => {
  const switched = moment === 'it has switched';
  /** Whoever wants to write behind the fence waits. */
  const fenced = moment === 'the source refuses and the registry has not switched' || switched;

  it('lets the tenant work on, and goes on to the end when it is resumed', async () => {
    const to = elsewhere();
    await write(`before ${moment}`);
    let waiting: Promise<void> | undefined;
    await killedWhen(moment, to, async () => {
      const writing = write(`while ${moment}`);
      if (fenced) waiting = writing;
      else await writing;
    });
    if (!switched && fenced) {
      // Nobody need come: the schedule's next round lets the tenant write again where it is.
      await sweepMoves(moving.world.application.tenancy);
    }
    await waiting;
    await write(`after ${moment}`);
    const resumed = await moving.move('alpha', '--resume');
    if (switched) expect(resumed.stderr).toMatch(/no move of this tenant to resume/);
    else
      expect(resumed).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`is in ${to} now`),
      });
    at = to;
    await write(`at the target, ${moment}`);
    expect(await namesIn(to)).toEqual([...names].sort());
    expect(await moving.move('alpha', '--finish')).toMatchObject({ exitCode: 0 });
  });

  it('leaves nothing behind when it is taken back', async () => {
    const to = elsewhere();
    await killedWhen(moment, to, () => undefined);
    expect(await moving.move('alpha', '--rollback')).toMatchObject({ exitCode: 0 });
    await write(`taken back, ${moment}`);
    expect(await namesIn(at)).toEqual([...names].sort());
    await moving.move('alpha', '--finish');
    const local = moving.world.tenants.alpha.localTenantId;
    expect(rowsOf(await moving.sumsOf(places[to], local))).toBe(0);
  });
});
