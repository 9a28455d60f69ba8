import pg from 'pg';

const DATE = 1082;

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
