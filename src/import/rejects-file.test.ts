import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRejectsFile, type Reject } from './rejects-file';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejects-'));
  path = join(folder, 'a.rejects.csv');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const reject = (line: number): Reject => ({ rowNumber: line, line, cells: ['x'], reason: 'bad' });
const linesOf = async (): Promise<string[]> =>
  (await readFile(path, 'utf8')).trimEnd().split('\r\n').slice(1);

describe('a rejects file', () => {
  it('forgets what was written for a batch that was not committed', async () => {
    const file = await openRejectsFile(path, ['a'], 0);
    const committed = await file.write([reject(2)]);
    file.commit(committed);
    await file.write([reject(3), reject(4)]);
    // Repeated, the batch has nothing to reject.
    expect(await file.write([])).toBe(committed);
    expect(await linesOf()).toEqual(['2,bad,x']);
  });

  it('forgets it too when the process has died meanwhile', async () => {
    const file = await openRejectsFile(path, ['a'], 0);
    const committed = await file.write([reject(2)]);
    file.commit(committed);
    await file.write([reject(3)]);
    await openRejectsFile(path, ['a'], committed);
    expect(await linesOf()).toEqual(['2,bad,x']);
  });
});
