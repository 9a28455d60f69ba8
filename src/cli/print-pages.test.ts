import { printJsonList, printTable } from './print-pages';
import { formatTable } from './table';

async function* pagesOf<T>(...pages: readonly (readonly T[])[]): AsyncGenerator<readonly T[]> {
  for (const page of pages) yield await Promise.resolve(page);
}
const said = async (print: (say: (line: string) => void) => Promise<void>): Promise<string> => {
  const lines: string[] = [];
  await print((line) => lines.push(line));
  return lines.join('\n');
};

describe('a table printed page by page', () => {
  const table = (...pages: readonly (readonly string[])[]) =>
    said((say) => printTable(say, ['NAME', 'N'], pagesOf(...pages), (name) => [name, '1']));

  it('is on one page what it would be at once', async () => {
    expect(await table(['a', 'longer'])).toBe(
      formatTable(
        ['NAME', 'N'],
        [
          ['a', '1'],
          ['longer', '1'],
        ],
      ),
    );
  });

  it('has one heading, and columns that widen where a later page needs it', async () => {
    expect(await table(['a'], ['longer'], ['b'])).toBe(
      ['NAME  N', 'a     1', 'longer  1', 'b       1'].join('\n'),
    );
  });

  it('has its heading also when there is nothing', async () => {
    expect(await table()).toBe('NAME  N');
  });

  it('asks for a page when the one before is printed', async () => {
    const lines: string[] = [];
    const seen: number[] = [];
    async function* watched(): AsyncGenerator<readonly string[]> {
      for (const name of ['a', 'b', 'c']) {
        seen.push(lines.length);
        yield await Promise.resolve([name]);
      }
    }
    await printTable(
      (line) => lines.push(line),
      ['NAME'],
      watched(),
      (name) => [name],
    );
    expect(seen).toEqual([0, 1, 2]);
  });
});

describe('a JSON list printed page by page', () => {
  const ITEMS = [{ a: 'x\ny', b: [1, 2] }, { a: null }, [], 'text'];

  it.each([
    ['on one page', [ITEMS]],
    ['on several, some of them empty', [[], ITEMS.slice(0, 1), [], ITEMS.slice(1), []]],
    ['without any', [[], []]],
  ])('is what it would be at once: %s', async (_what, pages) => {
    const items = pages.flat();
    expect(await said((say) => printJsonList(say, pagesOf<unknown>(...pages)))).toBe(
      JSON.stringify(items, null, 2),
    );
    const inObject = await said(async (say) => {
      say('{');
      await printJsonList(say, pagesOf<unknown>(...pages), { indent: '  ', opening: '"of": ' });
      say('}');
    });
    expect(inObject).toBe(JSON.stringify({ of: items }, null, 2));
  });
});
