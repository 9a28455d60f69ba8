import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  environmentSchema,
  REQUIRED_WITH_REGISTRY,
  readEnvironment,
  type Environment,
} from '../../src/config';

interface Entry {
  readonly name: string;
  /** Absent where the line is commented out: the variable has no default. */
  readonly value: string | undefined;
  readonly explanation: string;
}

/** The variables of `.env.example`, each with the comment right above it. */
function readEntries(text: string): Entry[] {
  return text.split('\n\n').flatMap((paragraph) => {
    const lines = paragraph.trim().split('\n');
    const assignment = /^(#?)([A-Z][A-Z0-9_]*)=(.*)$/.exec(lines.at(-1) ?? '');
    if (assignment === null) return [];
    const [, commentedOut, name = '', value = ''] = assignment;
    const explanation = lines
      .slice(0, -1)
      .map((line) => line.replace(/^# ?/, ''))
      .join(' ');
    return [{ name, value: commentedOut === '#' ? undefined : value, explanation }];
  });
}

const text = readFileSync(join(__dirname, '../../.env.example'), 'utf8');
const entries = readEntries(text);
const names = Object.keys(environmentSchema.shape) as (keyof Environment)[];

/** `milliseconds`, `seconds`, …: as the schema itself names it when a number is malformed. */
function unitOf(name: keyof Environment): string | undefined {
  const { error } = environmentSchema.shape[name].safeParse('not a number');
  return /^expected a whole number of (.+)$/.exec(error?.issues[0]?.message ?? '')?.[1];
}

const explanationOf = (name: string): string =>
  entries.find((entry) => entry.name === name)?.explanation ?? '';

it('has every variable of the configuration, in its order, and no other', () => {
  expect(text.match(/^#?[A-Z][A-Z0-9_]*=/gm)).toHaveLength(entries.length);
  expect(entries.map(({ name }) => name)).toEqual(names);
});

it.each(names)('gives the default of %s', (name) => {
  const value: unknown = environmentSchema.shape[name].parse(undefined);
  const expected = value === undefined ? undefined : `${value as string | number | boolean}`;
  expect(entries.find((entry) => entry.name === name)?.value).toBe(expected);
});

it.each(names)('explains %s, with its unit', (name) => {
  expect(explanationOf(name).length).toBeGreaterThan(20);
  expect(explanationOf(name).toLowerCase()).toContain(unitOf(name)?.toLowerCase() ?? '');
});

it('says which variables are required, and when', () => {
  const required = names.filter((name) =>
    explanationOf(name).includes('Required when REGISTRY_URL is set.'),
  );
  expect(required.sort()).toEqual([...REQUIRED_WITH_REGISTRY].sort());
});

it('names every value that a choice takes', () => {
  for (const name of ['NODE_ENV', 'LOG_LEVEL'] as const) {
    for (const value of environmentSchema.shape[name].unwrap().options) {
      expect(explanationOf(name)).toContain(value);
    }
  }
});

it('can be used as it is', () => {
  const given = entries.map(({ name, value }) => [name, value] as const);
  expect(readEnvironment(Object.fromEntries(given))).toEqual(readEnvironment({}));
});
