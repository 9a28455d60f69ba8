import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireClusterLock } from './cluster-lock';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'postgres.lock');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('acquireClusterLock', () => {
  it('refuses a second owner, naming the first and what to do', async () => {
    await acquireClusterLock(path);
    await expect(acquireClusterLock(path)).rejects.toThrow(
      `is in use by process ${process.pid}: stop that process, or set CLOISTER_HOME`,
    );
  });

  it('can be taken again once released, and leaves one file however often that was', async () => {
    for (let n = 0; n < 3; n += 1) await (await acquireClusterLock(path)).release();
    expect(await readdir(folder)).toEqual(['postgres.lock.3']);
  });

  it('takes over from an owner whose process id now belongs to another process', async () => {
    const former = { pid: process.pid, startedAt: 'an earlier life' };
    await writeFile(`${path}.7`, JSON.stringify(former));
    await acquireClusterLock(path);
    expect(await readdir(folder)).toEqual(['postgres.lock.8']);
  });

  it('takes over from an owner that is gone, and from a file cut short', async () => {
    for (const content of [JSON.stringify({ pid: 2 ** 30, startedAt: '' }), '', '{"pid":']) {
      await writeFile(`${path}.1`, content);
      const lock = await acquireClusterLock(path);
      await lock.release();
      await rm(`${path}.2`);
    }
  });

  it('lets exactly one of many have an abandoned lock, or a released one', async () => {
    await writeFile(`${path}.41`, JSON.stringify({ pid: 2 ** 30, startedAt: '' }));
    for (let round = 0; round < 20; round += 1) {
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, () => acquireClusterLock(path)),
      );
      const taken = results.filter((result) => result.status === 'fulfilled');
      expect(taken).toHaveLength(1);
      expect(await readdir(folder)).toHaveLength(1);
      for (const { value } of taken) await value.release();
    }
  });
});
