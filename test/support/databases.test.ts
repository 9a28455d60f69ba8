import { Client } from 'pg';
import { cloneDatabase, createTemplate, superuserUrl } from './databases';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('createTemplate', () => {
  it('builds once, however many ask for it at the same time', async () => {
    let builds = 0;
    const ask = () =>
      createTemplate('asked_often', async ({ ownerUrl }) => {
        builds += 1;
        await query(ownerUrl, 'SELECT 1');
      });
    const templates = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(builds).toBe(1);
    expect(new Set(templates.map(({ name }) => name)).size).toBe(1);
  });

  it('builds anew after a builder has failed', async () => {
    const failing = createTemplate('failed_once', async ({ ownerUrl }) => {
      await query(ownerUrl, 'CREATE SCHEMA half');
      throw new Error('half-way');
    });
    await expect(failing).rejects.toThrow('half-way');
    const template = await createTemplate('failed_once', async ({ ownerUrl }) => {
      await query(ownerUrl, 'CREATE SCHEMA half');
    });
    const database = await cloneDatabase(template);
    await database.drop();
  });
});

describe('cloneDatabase', () => {
  const template = () =>
    createTemplate('cloned', async ({ ownerUrl }) => {
      await query(ownerUrl, 'CREATE SCHEMA s');
      await query(ownerUrl, 'CREATE TABLE s.t AS SELECT 1 AS n');
      await query(ownerUrl, 'GRANT USAGE ON SCHEMA s TO cloister_shared_app');
      await query(ownerUrl, 'GRANT SELECT, INSERT ON s.t TO cloister_shared_app');
    });

  it('gives each caller the content of the template to itself', async () => {
    const [one, two] = await Promise.all([
      cloneDatabase(await template()),
      cloneDatabase(await template()),
    ]);
    await query(one.appUrl, 'INSERT INTO s.t VALUES (2)');
    expect(await query(one.appUrl, 'SELECT n FROM s.t')).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await query(two.appUrl, 'SELECT n FROM s.t')).toEqual([{ n: 1 }]);
    await one.drop();
    await two.drop();
  });

  it('keeps other roles out and gives the run-time role no more than the template grants', async () => {
    const database = await cloneDatabase(await template());
    await expect(query(database.appUrl, 'DELETE FROM s.t')).rejects.toThrow('permission denied');
    await expect(query(database.appUrl, 'DROP TABLE s.t')).rejects.toThrow('must be owner');
    const [row] = await query(
      superuserUrl(),
      `SELECT has_database_privilege('public', '${database.name}', 'CONNECT') AS open`,
    );
    expect(row).toEqual({ open: false });
    await database.drop();
  });

  it('is not dropped in silence while a connection leaks', async () => {
    const database = await cloneDatabase(await template());
    const leak = new Client({ connectionString: database.appUrl });
    leak.on('error', () => undefined); // cut by drop()
    await leak.connect();
    await expect(database.drop()).rejects.toThrow(
      'but got 1 open (of cloister_shared_app): close clients and pools in afterAll.',
    );
    await leak.end().catch(() => undefined);
  });
});
