/** Answers of any length, page by page: what was printed is held no longer. */
import { createTable } from './table';

type Say = (line: string) => void;

/** Columns are as wide as the pages so far need; what fits on one page is aligned throughout. */
export async function printTable<Item>(
  say: Say,
  heading: readonly string[],
  pages: AsyncIterable<readonly Item[]>,
  cellsOf: (item: Item) => readonly string[],
): Promise<void> {
  const table = createTable(heading);
  let begun = false;
  for await (const page of pages) {
    const rows = page.map(cellsOf);
    say(begun ? table.format(rows) : table.formatWithHeading(rows));
    begun = true;
  }
  if (!begun) say(table.formatWithHeading([]));
}

/** One JSON list, as JSON.stringify would indent the whole of it by two. */
export async function printJsonList(
  say: Say,
  pages: AsyncIterable<readonly unknown[]>,
  { indent = '', opening = '' }: { readonly indent?: string; readonly opening?: string } = {},
): Promise<void> {
  // Held back until it is known whether a comma follows.
  let held = `${indent}${opening}[`;
  let separator = '';
  for await (const page of pages) {
    if (page.length === 0) continue;
    say(held + separator);
    held = page.map((item) => formatJson(item, `${indent}  `)).join(',\n');
    separator = ',';
  }
  if (separator === '') return say(`${held}]`);
  say(held);
  say(`${indent}]`);
}

export const formatJson = (value: unknown, indent: string): string =>
  JSON.stringify(value, null, 2).replaceAll(/^/gm, indent);
