import { GraphQLError } from 'graphql';
import { internalError, tenantUnavailable } from '../errors';
import { formatError, statusOfCode } from './format-error';
import { HttpError } from './http-error';

const MASKED = {
  message: expect.stringMatching(/^Something went wrong/) as string,
  extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'r1' },
};

/** An object that throws at whoever looks at it. */
const hostile = new Proxy(new Error('secret'), {
  get: () => {
    throw new Error('secret');
  },
  getPrototypeOf: () => {
    throw new Error('secret');
  },
});

it.each([
  ['an error', new Error('secret')],
  ['a string', 'secret'],
  ['undefined', undefined],
  ['null', null],
  ['an object that throws', hostile],
  ['an internal error of ours', internalError('secret')],
  [
    'a GraphQL error with a code of its own',
    new GraphQLError('secret', { extensions: { code: 'X' } }),
  ],
])('masks %s', (_name, thrown) => {
  expect(formatError(thrown, 'r1')).toEqual(MASKED);
});

it('masks an error that claims a pipeline code from within a resolver, and keeps its path', () => {
  const error = new GraphQLError('secret', {
    path: ['a'],
    extensions: { code: 'BAD_USER_INPUT', secret: 'secret' },
  });
  expect(formatError(error, 'r1')).toEqual({ ...MASKED, path: ['a'] });
});

it('tells an error of ours by code, message and details, however deep it is wrapped', () => {
  const ours = tenantUnavailable('BAD_KEY', new Error('secret'));
  const wrapped = new GraphQLError('x', {
    originalError: new GraphQLError('y', { originalError: ours }),
    path: ['a'],
  });
  expect(formatError(wrapped)).toEqual({
    message: ours.message,
    extensions: { code: 'TENANT_UNAVAILABLE', reason: 'BAD_KEY', retryAfterSeconds: 5 },
    path: ['a'],
  });
});

it('does not let details replace the code', () => {
  const ours = tenantUnavailable('BAD_KEY');
  Object.assign(ours.details, { code: 'OK' });
  expect(formatError(ours).extensions.code).toBe('TENANT_UNAVAILABLE');
});

it('tells a refusal of the transport', () => {
  expect(formatError(new HttpError(413, 'Too large.'))).toEqual({
    message: 'Too large.',
    extensions: { code: 'BAD_REQUEST' },
  });
});

it('cuts what the pipeline says about a document, and drops suggestions', () => {
  const code = 'GRAPHQL_VALIDATION_FAILED';
  const about = (message: string): string =>
    formatError(new GraphQLError(message, { extensions: { code } })).message;
  expect(about('x'.repeat(20_000)).length).toBeLessThan(150);
  expect(about('No field "helo". Did you mean "hello" or "help"?')).toBe('No field "helo".');
});

it('knows a status for every code it lets through', () => {
  expect(statusOfCode('GRAPHQL_PARSE_FAILED')).toBe(400);
  expect(statusOfCode('RATE_LIMITED')).toBe(429);
  expect(statusOfCode('SOMETHING_NEW')).toBe(200);
});
