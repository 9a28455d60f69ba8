import { FinishedJson, stringifyAnswer } from './finished-json';

const extensions = { cost: { requested: 3 } };

it('writes finished fields among others, in the order of the data', () => {
  const data = { first: 1, page: new FinishedJson('{"nodes":[]}'), none: null };
  expect(JSON.parse(stringifyAnswer({ data, extensions }))).toEqual({
    data: { first: 1, page: { nodes: [] }, none: null },
    extensions,
  });
  expect(stringifyAnswer({ data })).toBe('{"data":{"first":1,"page":{"nodes":[]},"none":null}}\n');
});

it('writes the errors of fields beside those that are finished', () => {
  const answer = {
    data: { page: new FinishedJson('[1]'), other: null },
    errors: [{ message: 'no' }],
  };
  expect(JSON.parse(stringifyAnswer(answer))).toEqual({
    data: { page: [1], other: null },
    errors: [{ message: 'no' }],
  });
});

it('writes an answer without finished fields as it is', () => {
  const answer = { errors: [{ message: 'no' }], data: null };
  expect(stringifyAnswer(answer)).toBe(`${JSON.stringify(answer)}\n`);
});

it('is the value itself to whoever writes answers otherwise', () => {
  expect(JSON.stringify({ page: new FinishedJson('{"a":[1]}') })).toBe('{"page":{"a":[1]}}');
});
