/** A transaction of one statement, as a session runs it. */
import { uuidv7 } from 'uuidv7';
import { ask, eventually } from '../support/data-sources';
import {
  ALPHA,
  BETA,
  createSessionWorld,
  insert,
  NAMES,
  sql,
  type SessionWorld,
} from '../support/session-world';

const USER = uuidv7();

describe.each([
  { style: 'direct', namedStatements: true },
  { style: 'direct', namedStatements: false },
  { style: 'distributed', namedStatements: true },
] as const)(
  'a write of one statement ($style, named statements: $namedStatements)',
  ({ style, namedStatements }) => {
    let world: SessionWorld;
    const open: SessionWorld['open'] = (...args) => world.open(...args);

    beforeAll(async () => {
      world = await createSessionWorld({ sessionStyle: style, namedStatements });
    });
    beforeEach(() => open().write(sql('delete from cloister.accounts')));
    afterEach(() => world.allBack());
    afterAll(() => world.close());

    it('answers its rows when it has committed', async () => {
      const id = uuidv7();
      expect(await open().write(insert('one', { id }))).toEqual([{ id, name: 'one' }]);
      const outside = 'select name from cloister.accounts where id = $1';
      expect(await ask(world.database.superuserUrl, outside, [id])).toEqual([{ name: 'one' }]);
    });

    it('takes one flight where the tenant is stated directly', async () => {
      await open().write(insert('a connection is there'));
      world.proxy.clear();
      await open().write(insert('one'));
      const sent = Buffer.concat(world.proxy.packets).toString('latin1');
      if (style === 'direct') expect(world.proxy.packets).toHaveLength(1);
      expect(/commit/i.test(sent)).toBe(style === 'distributed');
    });

    it('keeps nothing of what is refused, and says why', async () => {
      const id = uuidv7();
      await open().write(insert('one', { id }));
      await expect(open().write(insert('two', { id }))).rejects.toMatchObject({
        name: 'RowFault',
        kind: 'unique',
      });
      expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
    });

    it('reports a commit that fails', async () => {
      await ask(
        world.database.ownerUrl,
        `create function cloister.refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;
         create constraint trigger late after insert on cloister.accounts deferrable initially deferred
           for each row execute function cloister.refuse()`,
      );
      await expect(open().write(insert('one'))).rejects.toMatchObject({
        cause: expect.objectContaining({ message: 'not today' }),
      });
      await ask(world.database.ownerUrl, 'drop function cloister.refuse cascade');
      expect(await open().query(NAMES)).toEqual([]);
      expect(await open().write(insert('two'))).toHaveLength(1);
    });

    it('cannot write into another tenant', async () => {
      await expect(open().write(insert('foreign', { tenantId: BETA }))).rejects.toThrow();
      expect(await open(BETA).query(NAMES)).toEqual([]);
    });

    it('names its author in the change log, and leaves nothing of either behind', async () => {
      const author = { userId: USER, requestId: 'request-7' };
      const id = uuidv7();
      await open(ALPHA, { author }).write(insert('one', { id }));
      const [entry] = await open().query<{ actor_id: string; request_id: string }>(
        sql('select actor_id, request_id from cloister.change_log where record_id = $1', [id]),
      );
      expect(entry).toEqual({ actor_id: USER, request_id: 'request-7' });
      await open().write(insert('nobody’s', { id: uuidv7() }));
      const anonymous = await open().query(
        sql(`select 1 from cloister.change_log where actor_id is null and after ->> 'name' = $1`, [
          'nobody’s',
        ]),
      );
      expect(anonymous).toHaveLength(1);
    });

    it('waits for the end of a move, before it looks at anything', async () => {
      const lock = `select pg_advisory_lock(hashtextextended('${ALPHA}', 7302513)), pg_sleep(0.2),
        pg_advisory_unlock(hashtextextended('${ALPHA}', 7302513))`;
      const isMoving = ask(world.database.superuserUrl, lock);
      await eventually(
        () =>
          ask(
            world.database.superuserUrl,
            "select 1 from pg_locks where locktype = 'advisory' and granted and mode = 'ExclusiveLock'",
          ),
        (held) => held.length > 0,
      );
      let written = false;
      const write = open()
        .write(insert('late'))
        .then(() => (written = true));
      await eventually(
        () =>
          ask(
            world.database.superuserUrl,
            "select 1 from pg_locks where locktype = 'advisory' and not granted",
          ),
        (waiting) => waiting.length > 0,
      );
      expect(written).toBe(false);
      await isMoving;
      await write;
    });

    it('is over before the reads of its session that follow it, which see it', async () => {
      const session = open();
      session.plan(5);
      expect(await session.query(NAMES)).toEqual([]);
      await session.write(insert('one'));
      expect(await session.query(NAMES)).toEqual([{ name: 'one' }]);
      await session.end();
    });

    it('is undone when the request is given up', async () => {
      const session = open();
      const write = session.write(
        sql(
          `with slow as (select pg_sleep(30)) insert into cloister.accounts (tenant_id, id, name)
           select $1, $2, 'slow' from slow`,
          [ALPHA, uuidv7()],
        ),
      );
      const outcome = expect(write).rejects.toThrow('client left');
      await eventually(
        () =>
          ask(
            world.database.superuserUrl,
            "select 1 from pg_stat_activity where state = 'active' and query like 'with slow%'",
          ),
        (running) => running.length === 1,
      );
      session.cancel(new Error('client left'));
      await outcome;
      expect(await open().query(NAMES)).toEqual([]);
    });

    it('reports a connection that is lost', async () => {
      world.proxy.delay(200);
      const write = open().write(insert('one'));
      const outcome = expect(write).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
      await eventually(
        () => world.pools.stats(),
        ([stats]) => stats?.leased === 1,
      );
      world.proxy.cut();
      await outcome;
      world.proxy.delay(0);
      expect(await open().query(NAMES)).toEqual([]);
    });
  },
);
