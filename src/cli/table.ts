type Row = readonly string[];

export interface Table {
  /** Widens the columns where these rows need it. */
  format(rows: readonly Row[]): string;
  formatWithHeading(rows: readonly Row[]): string;
}

/** Rows as aligned columns; numbers are not treated apart, for ids are mostly text. */
export function createTable(heading: Row): Table {
  const widths = heading.map((title) => title.length);
  const line = (cells: Row): string =>
    widths
      .map((width, column) => (cells[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd();
  const widen = (rows: readonly Row[]): void => {
    for (const row of rows) {
      widths.forEach((width, column) => {
        widths[column] = Math.max(width, (row[column] ?? '').length);
      });
    }
  };
  const format = (rows: readonly Row[]): string => {
    widen(rows);
    return rows.map(line).join('\n');
  };
  return {
    format,
    formatWithHeading: (rows) => format([heading, ...rows]),
  };
}

/** Rows as aligned columns under a heading. */
export const formatTable = (heading: Row, rows: readonly Row[]): string =>
  createTable(heading).formatWithHeading(rows);
