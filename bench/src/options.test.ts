import { HELP, parseOptions } from './options';

const parse = (...args: Parameters<typeof parseOptions>) => {
  const options = parseOptions(...args);
  if (options === 'help') throw new Error(HELP);
  return options;
};

it('the default run asks every query, the search among them', () => {
  expect(parse([]).queries).toEqual(['q1', 'q2', 'q3', 'q4', 'q5', 'q6']);
});

it('a mode has defaults of its own, and the command line is above them', () => {
  const defaults = { only: 'q1,q2', tenants: '1000', rounds: '7' };
  const { queries, size, rounds } = parse(['--rounds', '3'], defaults);
  expect(queries).toEqual(['q1', 'q2']);
  expect(size.tenants).toBe(1000);
  expect(rounds).toBe(3);
});

it('filling alone wants a folder that stays', () => {
  expect(() => parseOptions(['--fill-only'])).toThrow('Expected --home with --fill-only');
});

it('refuses a word that it does not know in the place of running for half an hour', () => {
  expect(() => parseOptions(['isolaton'])).toThrow('but got "isolaton"');
  expect(parse(['--compare', 'main~1', '.']).compare).toEqual(['main~1', '.']);
});
