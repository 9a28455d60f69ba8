/** What filters of both APIs compare by, in SQL. */
export const MAX_LIST = 500;

export const OPERATORS: Readonly<Record<string, string>> = {
  eq: '=',
  ne: '<>',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
};

/** `%`, `_` and `\` in what is looked for stand for themselves. */
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/** What a text is compared with by LIKE. */
export const PATTERNS: Readonly<Record<string, (text: string) => string>> = {
  contains: (text) => `%${escapeLike(text)}%`,
  startsWith: (text) => `${escapeLike(text)}%`,
  endsWith: (text) => `%${escapeLike(text)}`,
};
