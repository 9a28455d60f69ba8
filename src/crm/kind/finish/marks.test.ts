import { toTypeId } from '../../../lib/type-id';
import { fillMarks, markId, UNKNOWN_MARK } from './marks';

const UUID = '018f2c5e-7a3b-7c4d-8e9f-0a1b2c3d4e5f';

it('writes each marked id in the form of its kind, and leaves all else as it is', () => {
  const json = `{"id":"${markId('account')}${UUID}","name":"${UUID}","owner":{"id":"${markId('user')}${UUID}"}}`;
  expect(fillMarks(json)).toBe(
    `{"id":"${toTypeId('account', UUID)}","name":"${UUID}","owner":{"id":"${toTypeId('user', UUID)}"}}`,
  );
});

it('gives back what has no mark', () => {
  expect(fillMarks('{"name":"account_#A"}')).toBe('{"name":"account_#A"}');
});

it('refuses an answer with a value that the API does not know, naming it', () => {
  expect(() => fillMarks(`{"stage":"${UNKNOWN_MARK}daydream"}`)).toThrow('no value "daydream"');
});
