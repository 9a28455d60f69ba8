import { createCursorCodec } from './cursors';

const codec = createCursorCodec('a-secret-of-the-tests-of-at-least-32-bytes');
const VALUES = ['Ärger "quoted"', null, '018f0000-0000-7000-8000-000000000001'];
const cursor = codec.encode('tenant', 'Account NAME asc', VALUES);

describe('a cursor', () => {
  it('gives back the values it was made of', () => {
    expect(codec.decode('tenant', 'Account NAME asc', cursor)).toEqual(VALUES);
  });

  it('fits into a URL', () => {
    expect(cursor).toMatch(/^[\w-]+$/);
  });

  it.each([
    ['another tenant', 'other', 'Account NAME asc', cursor],
    ['another ordering', 'tenant', 'Account NAME desc', cursor],
    ['a changed character', 'tenant', 'Account NAME asc', `${cursor.slice(0, -2)}AA`],
    ['padding', 'tenant', 'Account NAME asc', `${cursor}=`],
    ['characters outside the alphabet', 'tenant', 'Account NAME asc', ` ${cursor}`],
    ['nothing', 'tenant', 'Account NAME asc', ''],
    ['no more than a MAC', 'tenant', 'Account NAME asc', cursor.slice(0, 16)],
    ['far too much', 'tenant', 'Account NAME asc', 'A'.repeat(1_000_000)],
  ])('is refused with %s', (_what, tenantId, ordering, given) => {
    expect(() => codec.decode(tenantId, ordering, given)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT' }) as Error,
    );
  });

  it('is refused when it was made with another secret', () => {
    const other = createCursorCodec('another-secret-of-at-least-32-bytes-long');
    expect(() => other.decode('tenant', 'Account NAME asc', cursor)).toThrow(
      'not one of this list',
    );
  });
});
