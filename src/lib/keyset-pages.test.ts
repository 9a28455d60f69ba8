import { keysetPages, type KeysetPagesOptions } from './keyset-pages';

const reader = (rows: readonly number[]) => {
  const asked: [number | undefined, number][] = [];
  return {
    asked,
    read: (after: number | undefined, limit: number): Promise<number[]> => {
      asked.push([after, limit]);
      return Promise.resolve(rows.filter((row) => row > (after ?? -1)).slice(0, limit));
    },
  };
};
const walk = async (
  { read }: ReturnType<typeof reader>,
  options: KeysetPagesOptions,
): Promise<(readonly number[])[]> => {
  const pages = [];
  for await (const page of keysetPages(read, options)) pages.push(page);
  return pages;
};

describe('pages by a key', () => {
  it('hold each row once, so many at a time, each page from the last row of the one before', async () => {
    const rows = reader([1, 2, 3, 4, 5]);
    expect(await walk(rows, { pageSize: 2 })).toEqual([[1, 2], [3, 4], [5]]);
    expect(rows.asked).toEqual([
      [undefined, 2],
      [2, 2],
      [4, 2],
    ]);
  });

  it('end with a page that is not full, and are none where there is nothing', async () => {
    const rows = reader([1, 2, 3, 4]);
    expect(await walk(rows, { pageSize: 2 })).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(rows.asked).toHaveLength(3);
    expect(await walk(reader([]), { pageSize: 2 })).toEqual([]);
  });

  it('end at the limit, and ask for no row beyond it', async () => {
    const rows = reader([1, 2, 3, 4, 5]);
    expect(await walk(rows, { pageSize: 2, limit: 3 })).toEqual([[1, 2], [3]]);
    expect(rows.asked).toEqual([
      [undefined, 2],
      [2, 1],
    ]);
  });

  it('are read one by one, as they are wanted', async () => {
    const rows = reader([1, 2, 3, 4, 5]);
    const pages = keysetPages(rows.read, { pageSize: 2 });
    await pages.next();
    expect(rows.asked).toHaveLength(1);
  });

  it('end when they are told to, with the reason', async () => {
    const ending = new AbortController();
    const rows = reader([1, 2, 3, 4]);
    const pages = keysetPages(rows.read, { pageSize: 2, signal: ending.signal });
    await pages.next();
    ending.abort(new Error('that is enough'));
    await expect(pages.next()).rejects.toThrow('that is enough');
    expect(rows.asked).toHaveLength(1);
  });
});
