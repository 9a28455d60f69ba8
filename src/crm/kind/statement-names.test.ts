import sql, { raw } from 'sql-template-tag';
import { nameFixed, nameShaped } from './statement-names';

const select = (text: string, value = 1) => sql`select ${raw(text)}, ${value}`;

describe('the name of a statement', () => {
  it('is the same for the same text, whatever the values', () => {
    const first = nameShaped(select('a', 1));
    expect(first.name).toBeDefined();
    expect(nameShaped(select('a', 2))).toEqual({ ...first, values: [2] });
    expect(nameShaped(select('b')).name).not.toBe(first.name);
  });

  it('is given to no text that somebody wrote at great length', () => {
    expect(nameShaped(select('long, '.repeat(2000))).name).toBeUndefined();
    expect(nameShaped(select('short, ')).name).toBeDefined();
  });

  it('is given to fixed texts even when clients have used up all the others', () => {
    const names = Array.from({ length: 1000 }, (_, index) => nameShaped(select(`c${index}`)).name);
    expect(new Set(names).size).toBeLessThanOrEqual(401);
    expect(names.at(-1)).toBeUndefined();
    const fixed = nameFixed(select('fixed')).name;
    expect(fixed).toBeDefined();
    expect(names).not.toContain(fixed);
    expect(nameFixed(select('fixed')).name).toBe(fixed);
  });
});
