/** A tenant moves between data sources while it works: nothing lost, nothing doubled, nobody else touched. */
import { createMoveWorld, rowsOf, type Account, type MoveWorld } from '../support/move-world';
import { PASSWORD } from '../support/world';

let moving: MoveWorld;
beforeEach(async () => {
  moving = await createMoveWorld();
});
afterEach(() => moving.close());

/** Each worker makes accounts and counts one of its own up, as fast as answers come. */
function startWriters(workers: number) {
  const made: string[] = [];
  const counts = new Map<string, number>();
  const failures: unknown[] = [];
  let writing = true;
  const work = async (worker: number): Promise<void> => {
    let counter: Account = await moving.createAccount('alpha', { name: `counter ${worker}` });
    for (let round = 1; writing; round += 1) {
      try {
        const name = `made ${worker}/${round}`;
        await moving.createAccount('alpha', { name });
        made.push(name);
        const { id, version } = counter;
        counter = await moving.updateAccount('alpha', { id, version, employeeCount: round });
        counts.set(`counter ${worker}`, round);
      } catch (error) {
        failures.push(error);
        return;
      }
    }
  };
  const done = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return {
    made,
    counts,
    failures,
    async stop() {
      writing = false;
      await done;
    },
  };
}

it('loses and doubles nothing of what is written over HTTP while the tenant moves', async () => {
  const { world, move, addSource, sumsOf } = moving;
  const { alpha, beta } = world.tenants;
  const target = await addSource('spare', 'dedicated');
  const neighbour = await sumsOf(beta.database, beta.localTenantId);
  const writers = startWriters(4);
  // Until the load is on.
  while (writers.made.length < 20) await new Promise((resolve) => setTimeout(resolve, 10));
  const moved = await move('alpha', '--to', 'spare');
  const soFar = writers.made.length;
  while (writers.made.length < soFar + 20) await new Promise((resolve) => setTimeout(resolve, 10));
  await writers.stop();

  expect(writers.failures).toEqual([]);
  expect(moved).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('is in spare now') });
  const found = await world.sql<{ name: string; count: number | null }>(
    target,
    'select name, employee_count as count from cloister.accounts where tenant_id = $1',
    [alpha.localTenantId],
  );
  expect(found.map(({ name }) => name).sort()).toEqual(
    [...writers.made, ...writers.counts.keys()].sort(),
  );
  for (const { name, count } of found.filter((row) => row.name.startsWith('counter'))) {
    expect(count).toBe(writers.counts.get(name));
  }
  // What stayed behind is what there was at the switch, and the target has all of it.
  const left = await world.sql<{ name: string }>(
    alpha.database,
    'select name from cloister.accounts where tenant_id = $1',
    [alpha.localTenantId],
  );
  expect(left.length).toBeLessThan(found.length);
  expect(left.length).toBeGreaterThanOrEqual(20);
  expect(await sumsOf(beta.database, beta.localTenantId)).toEqual(neighbour);
});

it('keeps users signed in, and their refresh tokens good', async () => {
  const { world, move, addSource } = moving;
  await addSource('spare', 'dedicated');
  const signedIn = await world.query<{ login: { accessToken: string; refreshToken: string } }>(
    undefined,
    'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }',
    { input: { email: 'member@alpha.test', password: PASSWORD } },
  );
  const { accessToken, refreshToken } = signedIn.data.login;
  expect(
    (await move('alpha', '--to', 'spare', '--tenant-id-in-data-source', OTHER_ID)).exitCode,
  ).toBe(0);
  const viewer = await world.query({ token: accessToken }, '{ viewer { user { email } } }');
  expect(viewer.errors).toEqual([]);
  const refreshed = await world.query(
    undefined,
    'mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken } }',
    { input: { refreshToken } },
  );
  expect(refreshed.errors).toEqual([]);
});

const OTHER_ID = '0190a1b2-c3d4-7000-8000-00000000abcd';

it('moves from shared to dedicated to BYO and back to shared, and finishes each place empty', async () => {
  const { world, move, addSource, sumsOf, createAccount, localIdOf } = moving;
  const { alpha, beta } = world.tenants;
  const places = {
    shared: alpha.database,
    spare: await addSource('spare', 'dedicated'),
    customer: await addSource('customer', 'byo'),
  };
  const parent = await createAccount('alpha', { name: 'Parent' });
  await createAccount('alpha', { name: 'Child', parentId: parent.id });
  const neighbour = await sumsOf(beta.database, beta.localTenantId);
  let at: keyof typeof places = 'shared';
  for (const [to, ...options] of [
    ['spare'],
    ['customer', '--tenant-id-in-data-source', OTHER_ID],
    ['shared'],
  ] as const) {
    const [from, before] = [at, await localIdOf('alpha')];
    const here = await sumsOf(places[from], before);
    expect(await move('alpha', '--to', to, ...options)).toMatchObject({ exitCode: 0 });
    at = to;
    const local = await localIdOf('alpha');
    expect(await sumsOf(places[to], local)).toEqual(here);
    expect(rowsOf(here)).toBeGreaterThan(5);
    expect(await move('alpha', '--finish')).toMatchObject({ exitCode: 0 });
    expect(rowsOf(await sumsOf(places[from], before))).toBe(0);
    await createAccount('alpha', { name: `At ${to}` });
    expect(await world.query({ tenant: 'alpha' }, '{ accounts { nodes { name } } }')).toMatchObject(
      {
        data: { accounts: { nodes: expect.arrayContaining([{ name: `At ${to}` }]) as unknown } },
      },
    );
  }
  expect(await sumsOf(beta.database, beta.localTenantId)).toEqual(neighbour);
});

it('leads back after the switch with everything that was written since', async () => {
  const { world, move, addSource, sumsOf, createAccount, updateAccount } = moving;
  const { alpha } = world.tenants;
  const target = await addSource('spare', 'dedicated');
  const { id, version } = await createAccount('alpha', { name: 'Before' });
  expect(await move('alpha', '--to', 'spare')).toMatchObject({ exitCode: 0 });
  await updateAccount('alpha', { id, version, name: 'Changed there' });
  await createAccount('alpha', { name: 'Made there' });
  expect(await move('alpha', '--rollback')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('0 rows copied'),
  });
  const names = await world.sql<{ name: string }>(
    alpha.database,
    'select name from cloister.accounts where tenant_id = $1 order by 1',
    [alpha.localTenantId],
  );
  expect(names.map(({ name }) => name)).toEqual(['Changed there', 'Made there']);
  expect(await sumsOf(alpha.database, alpha.localTenantId)).toEqual(
    await sumsOf(target, alpha.localTenantId),
  );
  await createAccount('alpha', { name: 'Back again' });
});

it('refuses a write where the tenant was, whoever makes it', async () => {
  const { world, move, addSource } = moving;
  const { alpha } = world.tenants;
  await addSource('spare', 'dedicated');
  await moving.createAccount('alpha', { name: 'Before' });
  await move('alpha', '--to', 'spare');
  await expect(
    world.sql(
      alpha.database,
      `with stated as (select set_config('app.tenant_id', $1::text, false))
       update cloister.accounts set name = 'x' from stated where tenant_id = $1::uuid`,
      [alpha.localTenantId],
    ),
  ).rejects.toMatchObject({ code: 'MV001' });
});

it('names what keeps it from moving', async () => {
  const { move, addSource, world } = moving;
  const spare = await addSource('spare', 'dedicated');
  const told = async (...args: string[]): Promise<string> => (await move('alpha', ...args)).stderr;
  expect(await told('--to', 'nowhere')).toMatch(/no data source "nowhere"/);
  expect(await told('--to', 'shared')).toMatch(/is in shared already/);
  expect(await told('--to', 'dedicated')).toMatch(/tenant "gamma" has it/);
  expect(await told('--to', 'spare', '--keep-hours', '200')).toMatch(/at most 7 days/);
  expect(await told('--resume')).toMatch(/no move of this tenant/);
  expect(await told('--rollback')).toMatch(/there is none/);
  expect(await told()).toMatch(/Expected one of --to/);
  await world.sql(spare, 'alter table cloister.accounts drop column founded_year');
  expect(await told('--to', 'spare')).toMatch(/differs in accounts: run `cloister migrate`/);
  expect(await told('--rollback')).toBe('');
});
