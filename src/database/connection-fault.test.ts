import { describeConnectionFault } from './connection-fault';

describe('describeConnectionFault', () => {
  it.each([
    [{ code: 'ECONNREFUSED' }, 'nothing listens at that address (ECONNREFUSED)'],
    [{ code: '28P01' }, 'the password is wrong (28P01)'],
    [{ code: 'XX000' }, 'XX000'],
    [{ message: 'The server does not support SSL connections' }, 'the server does not speak TLS'],
    [{ message: 'Connection terminated unexpectedly' }, 'the connection was cut'],
  ])('says of %j: %s', (error, words) => {
    expect(describeConnectionFault(error)).toBe(words);
  });

  it('never repeats what a server said', () => {
    for (const code of ['28P01', 'P0001', 'canary', 'canary-code with words', undefined]) {
      expect(describeConnectionFault({ code, message: 'canary', detail: 'canary' })).not.toContain(
        'canary',
      );
    }
    for (const error of [undefined, null, 'canary', new Error('canary')]) {
      expect(describeConnectionFault(error)).toBe('an unexpected failure');
    }
  });
});
