import pg from 'pg';

const DATE = 1082;
const TIMESTAMPTZ = 1184;

/**
 * How column values arrive: a `date` stays the text it is (a Date would drag it through the local
 * time zone), `numeric` stays text (a number would lose digits), timestamps become Date: they are
 * timestamptz(3) throughout, so nothing is lost.
 */
export const typeParsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (oid === DATE) return (value) => value;
    return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  },
};

/**
 * For rows that are only shown: moments arrive as the RFC 3339 text they are shown as, which saves
 * making a Date of each and a text of each Date.
 */
export const shownTypeParsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (oid === TIMESTAMPTZ) return toRfc3339;
    return typeParsers.getTypeParser(oid, format);
  },
};

/** `2026-03-31 09:30:00.5+00` → `2026-03-31T09:30:00.500Z`; other forms (an offset, BC) by way of a Date. */
export function toRfc3339(text: string): string {
  const isPlain = text.endsWith('+00') && text[10] === ' ';
  if (!isPlain) {
    const parse = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as (value: string) => unknown;
    const moment = parse(text);
    return moment instanceof Date ? moment.toISOString() : text;
  }
  const fraction = text.slice(20, -3);
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
}
