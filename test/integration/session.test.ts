import { uuidv7 } from 'uuidv7';
import type { OperationSession } from '../../src/tenancy/session.port';
import { ask, dataSourceAt, eventually, openSessionOn, testPools } from '../support/data-sources';
import { cloneDatabase } from '../support/databases';
import {
  ALPHA,
  BETA,
  createSessionWorld,
  insert,
  NAMES,
  sql,
  type SessionWorld,
} from '../support/session-world';
import { testTenantTemplate } from '../support/world';

const SLEEP = sql('select pg_sleep(30)');

describe.each([
  { style: 'direct', namedStatements: true },
  { style: 'direct', namedStatements: false },
] as const)(
  'a session ($style, named statements: $namedStatements)',
  ({ style, namedStatements }) => {
    let world: SessionWorld;
    const open: SessionWorld['open'] = (...args) => world.open(...args);
    const openView = (): OperationSession => {
      const session = open();
      session.plan(5);
      return session;
    };

    beforeAll(async () => {
      world = await createSessionWorld({ sessionStyle: style, namedStatements });
      await open(BETA).query(insert('of beta', { tenantId: BETA }));
    });
    beforeEach(async () => {
      await open().query(sql('delete from cloister.accounts'));
      await open().query(insert('one'));
    });
    afterEach(() => world.allBack());
    afterAll(() => world.close());

    describe('with one statement', () => {
      it('sees its tenant and holds no connection afterwards', async () => {
        expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
        expect(await open(BETA).query(NAMES)).toEqual([{ name: 'of beta' }]);
        expect(world.pools.stats()[0]?.leased).toBe(0);
      });

      it('is ended by the server when it takes too long, and says so', async () => {
        await expect(open(ALPHA, { statementTimeoutMs: 50 }).query(SLEEP)).rejects.toMatchObject({
          code: 'TIMEOUT',
        });
        expect(await world.running(/pg_sleep/)).toBe(0);
      });

      it('is cancelled in the server within a second when the request is given up', async () => {
        const session = open();
        const query = session.query(SLEEP);
        const outcome = expect(query).rejects.toThrow('client left');
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 1,
        );
        session.cancel(new Error('client left'));
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 0,
          1000,
        );
        await outcome;
      });

      it('asks for nothing more once it was given up', async () => {
        const session = open();
        session.cancel(new Error('client left'));
        await expect(session.query(NAMES)).rejects.toThrow('client left');
        await expect(session.transaction((tx) => tx.query(NAMES))).rejects.toThrow('client left');
      });
    });

    describe('with a view', () => {
      it('shows one snapshot to all its statements, whatever is committed meanwhile', async () => {
        const session = openView();
        expect(await session.query(NAMES)).toEqual([{ name: 'one' }]);
        await open().query(insert('two'));
        expect(await session.query(NAMES)).toEqual([{ name: 'one' }]);
        await session.end();
        expect(await open().query(NAMES)).toHaveLength(2);
      });

      it('connects only when something is asked of it', async () => {
        const session = openView();
        const before = world.proxy.packets.length;
        await session.end();
        expect(world.proxy.packets.length).toBe(before);
      });

      it('opens in the packet of its first statement, and nothing waits for it', async () => {
        await openView().end();
        const session = openView();
        await open().query(NAMES); // a connection is there
        world.proxy.clear();
        await session.query(NAMES);
        expect(world.proxy.packets).toHaveLength(1);
        expect(world.proxy.packets[0]?.toString('latin1')).toMatch(
          /begin isolation level repeatable read read only.*select name/s,
        );
        await session.end();
      });

      it('runs statements of one level at the same time on one connection', async () => {
        const session = openView();
        const pids = await Promise.all(
          [1, 2, 3].map(() =>
            session.query<{ pid: number }>(sql('select pg_backend_pid() as pid')),
          ),
        );
        expect(new Set(pids.flat().map(({ pid }) => pid)).size).toBe(1);
        await session.end();
      });

      it('writes nothing', async () => {
        const session = openView();
        await expect(session.query(insert('x'))).rejects.toMatchObject({
          code: 'INTERNAL_SERVER_ERROR',
        });
        await session.end();
        expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
      });

      it('reports what failed first to every statement after it', async () => {
        const session = openView();
        const failing = session.query(sql('select 1 / 0'));
        const sibling = session.query(NAMES);
        const errors = await Promise.all(
          [failing, sibling, session.query(NAMES)].map((query) =>
            query.catch((error: unknown) => error),
          ),
        );
        expect(new Set(errors).size).toBe(1);
        expect((errors[0] as { cause: Error }).cause.message).toBe('division by zero');
        await session.end();
      });

      it('can be ended twice, and before it was opened', async () => {
        const session = openView();
        const query = session.query(NAMES).catch((error: unknown) => error);
        await Promise.all([session.end(), session.end()]);
        await query;
        await session.end();
      });

      it('is asked for nothing after its end', async () => {
        const session = openView();
        await session.query(NAMES);
        await session.end();
        await expect(session.query(NAMES)).rejects.toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
      });

      it('is cancelled in the server within a second when the request is given up', async () => {
        const session = openView();
        await session.query(NAMES);
        const outcome = expect(session.query(SLEEP)).rejects.toThrow('client left');
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 1,
        );
        session.cancel(new Error('client left'));
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 0,
          1000,
        );
        await outcome;
        await expect(session.query(NAMES)).rejects.toThrow('client left');
        await session.end();
      });

      it('ends what still runs when nobody waits for it any more', async () => {
        const session = openView();
        const abandoned = session.query(SLEEP).catch(() => 'ended');
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 1,
        );
        await session.end();
        expect(await abandoned).toBe('ended');
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 0,
          1000,
        );
      });

      it('gives its connection back when it is given up while it waits for one', async () => {
        const sessions = Array.from({ length: 4 }, () => openView());
        await Promise.all(sessions.map((session) => session.query(NAMES))); // all that one tenant may hold
        const waiting = openView();
        const outcome = expect(waiting.query(NAMES)).rejects.toThrow('client left');
        waiting.cancel(new Error('client left'));
        await Promise.all(sessions.map((session) => session.end()));
        await outcome;
        await waiting.end();
      });
    });

    describe('with a transaction', () => {
      it('has committed when it resolves', async () => {
        await open().transaction(async (tx) => {
          await tx.query(insert('two'));
          expect(await open().query(NAMES)).toHaveLength(1);
        });
        expect(await open().query(NAMES)).toHaveLength(2);
      });

      it('keeps nothing when its work throws, and throws the same', async () => {
        const failure = new Error('changed my mind');
        const work = open().transaction(async (tx) => {
          await tx.query(insert('two'));
          throw failure;
        });
        await expect(work).rejects.toBe(failure);
        expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
      });

      it('is not taken for committed when its work hides a failed statement', async () => {
        const work = open().transaction(async (tx) => {
          await tx.query(insert('two'));
          await tx.query(sql('select 1 / 0')).catch(() => undefined);
          return 'done';
        });
        await expect(work).rejects.toMatchObject({
          cause: expect.objectContaining({ message: 'division by zero' }),
        });
        expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
      });

      it('reports a COMMIT that fails', async () => {
        await ask(
          world.database.ownerUrl,
          `create function cloister.refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;
         create constraint trigger late after insert on cloister.products deferrable initially deferred
           for each row execute function cloister.refuse()`,
        );
        const work = open().transaction((tx) =>
          tx.query(
            sql('insert into cloister.products (tenant_id, id, name) values ($1, $2, $3)', [
              ALPHA,
              uuidv7(),
              'p',
            ]),
          ),
        );
        await expect(work).rejects.toMatchObject({
          cause: expect.objectContaining({ message: 'not today' }),
        });
        await ask(world.database.ownerUrl, 'drop function cloister.refuse cascade');
        expect(await open().query(sql('select * from cloister.products'))).toEqual([]);
      });

      it('reports a connection that is lost at COMMIT', async () => {
        const work = open().transaction(async (tx) => {
          await tx.query(insert('two'));
          world.proxy.cut();
        });
        await expect(work).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
        expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
      });

      it('runs nothing through a handle that outlived it', async () => {
        let kept!: Parameters<Parameters<OperationSession['transaction']>[0]>[0];
        await open().transaction(async (tx) => {
          kept = tx;
        });
        await expect(kept.query(NAMES)).rejects.toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
      });

      it('is over before the reads that follow it, which see it', async () => {
        const session = openView();
        await session.query(NAMES);
        await session.transaction((tx) => tx.query(insert('two')));
        expect(await session.query(NAMES)).toHaveLength(2);
        await session.end();
      });

      it('is rolled back when the request is given up', async () => {
        const session = open();
        const work = session.transaction(async (tx) => {
          await tx.query(insert('two'));
          await tx.query(SLEEP);
        });
        const outcome = expect(work).rejects.toThrow('client left');
        await eventually(
          () => world.running(/pg_sleep/),
          (count) => count === 1,
        );
        session.cancel(new Error('client left'));
        await outcome;
        expect(await open().query(NAMES)).toEqual([{ name: 'one' }]);
      });

      it('is ended by the server when its client forgets it', async () => {
        await open().transaction(async (tx) => {
          const [row] = await tx.query(
            sql("select current_setting('idle_in_transaction_session_timeout') as bound"),
          );
          expect(row).toEqual({ bound: '15s' });
        });
      });

      it('makes of a refused row what the store can explain', async () => {
        const id = uuidv7();
        const twice = sql(
          'insert into cloister.accounts (tenant_id, id, name) values ($1, $2, $3)',
          [ALPHA, id, 'x'],
        );
        const work = open().transaction(async (tx) => {
          await tx.query(twice);
          await tx.query(twice);
        });
        await expect(work).rejects.toMatchObject({ name: 'RowFault', kind: 'unique' });
      });
    });

    it('cannot write into another tenant, nor read from it', async () => {
      await expect(open().query(insert('smuggled', { tenantId: BETA }))).rejects.toThrow();
      const foreign = sql('select name from cloister.accounts where tenant_id = $1', [BETA]);
      expect(await open().query(foreign)).toEqual([]);
      const view = openView();
      expect(await view.query(foreign)).toEqual([]);
      await view.end();
    });

    it('leaks no connection and no row over thousands of successes and failures of all kinds', async () => {
      const leaks: unknown[] = [];
      const expectOwn = (rows: { name: string }[]): void => {
        if (rows.some(({ name }) => name === 'of beta')) leaks.push(rows);
      };
      const kinds: ((index: number) => Promise<unknown>)[] = [
        async () => expectOwn(await open().query(NAMES)),
        () => open().query(sql('select 1 / 0')),
        () => open(BETA).query(NAMES),
        async () => {
          const view = openView();
          try {
            expectOwn(await view.query(NAMES));
            await view.query(sql('select 1 / 0'));
          } finally {
            await view.end();
          }
        },
        async () => {
          const view = openView();
          void view.query(NAMES).catch(() => undefined);
          await view.end();
        },
        () => open().transaction((tx) => tx.query(sql('select nothing'))),
        () => open().transaction(() => Promise.reject(new Error('no'))),
        async () => {
          const session = openView();
          const query = session.query(sql('select pg_sleep(0.001)'));
          setImmediate(() => session.cancel(new Error('client left')));
          await query.finally(() => session.end());
        },
        async () => {
          const session = open();
          const query = session.query(NAMES);
          session.cancel(new Error('client left'));
          await query;
        },
      ];
      const queue = Array.from({ length: 2000 }, (_, index) => index);
      const worker = async (): Promise<void> => {
        for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
          await kinds[index % kinds.length]?.(index).catch(() => undefined);
        }
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      expect(leaks).toEqual([]);
      expect(await world.allBack()).toBeLessThanOrEqual(world.dataSource.poolMax);
    });
  },
);

describe('a session of a distributed data source', () => {
  it('states its tenant by SET LOCAL in an explicit transaction, one statement or several', async () => {
    const database = await cloneDatabase(await testTenantTemplate());
    const pools = testPools();
    const dataSource = dataSourceAt(database.appUrl, {
      sessionStyle: 'distributed',
      namedStatements: false,
    });
    try {
      // The server knows no citus: a placeholder setting takes the value all the same.
      const session = openSessionOn(pools, dataSource, ALPHA);
      await session.query(
        sql('insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $3)', [
          ALPHA,
          'a',
          'A',
        ]),
      );
      expect(await session.query(sql('select name from cloister.tenants'))).toEqual([
        { name: 'A' },
      ]);
      const view = openSessionOn(pools, dataSource, ALPHA);
      view.plan(2);
      expect(await view.query(sql('select name from cloister.tenants'))).toEqual([{ name: 'A' }]);
      await view.end();
      const injected = openSessionOn(pools, dataSource, "x'; drop table cloister.accounts; --");
      await expect(injected.query(sql('select 1'))).rejects.toMatchObject({
        details: { reason: 'TENANT_ID_MISMATCH' },
      });
      expect(pools.stats()[0]?.leased).toBe(0);
    } finally {
      await pools.close();
      await database.drop();
    }
  });
});
