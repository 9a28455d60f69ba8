import { toTypeId } from '../../../lib/type-id';
import { ENUM_MARK, fillMarks, idMark, UNKNOWN } from './marks';

const UUID = '018f2c5e-7a3b-7c4d-8e9f-0a1b2c3d4e5f';
const account = `id${idMark('account')}`;

it('writes each marked id in the form of its kind, and leaves all else as it is', () => {
  const json = `{"${account}":"${UUID}","name":"${UUID}","owner":{"key${idMark('user')}":"${UUID}"}}`;
  expect(fillMarks(json)).toBe(
    `{"id":"${toTypeId('account', UUID)}","name":"${UUID}","owner":{"key":"${toTypeId('user', UUID)}"}}`,
  );
});

it('takes the marks from enumerations, of null as well', () => {
  const json = `[{"stage${ENUM_MARK}":"WON"},{"stage${ENUM_MARK}":null}]`;
  expect(fillMarks(json)).toBe('[{"stage":"WON"},{"stage":null}]');
});

it('refuses an answer with a value that the API does not know, naming it', () => {
  const json = `{"stage${ENUM_MARK}":"${UNKNOWN}daydream"}`;
  expect(() => fillMarks(json)).toThrow('no value "daydream"');
});

describe('takes no text of a customer’s for a mark', () => {
  const forged = [
    account,
    `${account}":"${UUID}`,
    `{"${account}":"${UUID}"}`,
    `stage${ENUM_MARK}":"${UNKNOWN}nothing`,
    `stage${ENUM_MARK}":null`,
    `${ENUM_MARK}":"`,
    `\\${account}":"${UUID}`,
  ];
  it.each(forged)('as a value: %s', (text) => {
    for (const json of [
      JSON.stringify({ name: text, next: text }),
      JSON.stringify([text, text]),
      JSON.stringify(text),
    ]) {
      expect(fillMarks(json)).toBe(json);
    }
  });
  it.each(forged)('in JSON that is stored, which has a space behind its colons: %s', (text) => {
    const json = `{"media":[{${JSON.stringify(text)}: ${JSON.stringify(text)}}]}`;
    expect(fillMarks(json)).toBe(json);
  });
});
