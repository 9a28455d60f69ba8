import { assertPayload, JobPayloadError } from './job-payload';

describe('the payload of a job', () => {
  it('takes ids and small facts', () => {
    expect(() =>
      assertPayload('mail.send', {
        mailId: '0190',
        tenantId: 'x',
        attempt: 1,
        dry: true,
        by: null,
      }),
    ).not.toThrow();
  });

  it.each([
    ['the name of a secret', { newPassword: 'x' }, 'newPassword'],
    ['a token', { resetToken: 'x' }, 'resetToken'],
    ['a URL by name', { databaseUrl: 'x' }, 'databaseUrl'],
    ['a URL with a login under another name', { where: 'postgres://u:p@h/d' }, 'where'],
    ['a record', { account: { name: 'x' } as never }, 'account'],
    ['a long text', { note: 'x'.repeat(201) }, 'note'],
  ])('refuses %s, and does not repeat it', (_what, data, key) => {
    const attempt = (): void => assertPayload('mail.send', data);
    expect(attempt).toThrow(JobPayloadError);
    expect(attempt).toThrow(new RegExp(`"${key}"`));
    expect(attempt).not.toThrow(/postgres:/);
  });

  it('refuses more entries than a handful', () => {
    const data = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, n]));
    expect(() => assertPayload('mail.send', data)).toThrow('at most 20 entries, but got 21');
  });
});
