/**
 * Text made of columns: `{product}[ for {account}]`. A part in square brackets is left out when a
 * column within it is empty. Braces and brackets cannot be part of the text themselves.
 */
export interface Template {
  readonly columns: readonly string[];
  /** @param cell the value of a column, null when it is empty. */
  render(cell: (column: string) => string | null): string;
}

interface Part {
  readonly optional: boolean;
  readonly pieces: readonly (string | { readonly column: string })[];
}

const PART = /\[([^[\]]*)\]|([^[\]]+)/y;
const PIECE = /\{([^{}]+)\}|([^{}]+)/y;

/** @returns undefined when braces or brackets do not match. */
export function parseTemplate(text: string): Template | undefined {
  const parts: Part[] = [];
  for (const match of tokens(PART, text) ?? [undefined]) {
    const pieces: Part['pieces'][number][] = [];
    for (const piece of (match && tokens(PIECE, match[1] ?? match[2] ?? '')) ?? [undefined]) {
      if (piece === undefined) return undefined;
      pieces.push(piece[1] === undefined ? (piece[2] ?? '') : { column: piece[1] });
    }
    parts.push({ optional: match?.[1] !== undefined, pieces });
  }
  const columns = parts.flatMap(({ pieces }) =>
    pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.column])),
  );
  return {
    columns,
    render(cell) {
      let rendered = '';
      for (const { optional, pieces } of parts) {
        const values = pieces.map((piece) =>
          typeof piece === 'string' ? piece : cell(piece.column),
        );
        if (optional && values.includes(null)) continue;
        rendered += values.map((value) => value ?? '').join('');
      }
      return rendered;
    },
  };
}

/** @returns undefined when something of the text is no token. */
function tokens(pattern: RegExp, text: string): RegExpExecArray[] | undefined {
  const found: RegExpExecArray[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    found.push(match);
  }
  return found;
}
