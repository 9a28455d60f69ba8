/** Page after page in the order of a key, however many rows there are: one page is held at a time. */
export interface KeysetPagesOptions {
  readonly pageSize?: number;
  /** Of all pages together. */
  readonly limit?: number;
  /** Looked at before each page; the pages end with its reason. */
  readonly signal?: AbortSignal;
}

const PAGE = 1000;

/**
 * @param read so many rows at most, in order, from the one after the given row on.
 * A row that comes while it goes on is met or not, as its key has it; none is met twice.
 */
export async function* keysetPages<Row>(
  read: (after: Row | undefined, limit: number) => Promise<readonly Row[]>,
  { pageSize = PAGE, limit = Infinity, signal }: KeysetPagesOptions = {},
): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  for (let left = limit; left > 0;) {
    signal?.throwIfAborted();
    const size = Math.min(pageSize, left);
    const page = await read(last, size);
    if (page.length > 0) yield page;
    if (page.length < size) return;
    left -= size;
    last = page.at(-1);
  }
}
