import { createRefreshToken, parseRefreshToken, renewRefreshToken } from './refresh-tokens';

const TENANT = '01890a5d-ac96-774b-bcce-b302099a8051';
const SESSION = '01890a5d-ac96-774b-bcce-b302099a8052';

describe('refresh tokens', () => {
  it('carry tenant and session, and show two hashes instead of their secrets', () => {
    const { token, ...described } = createRefreshToken(TENANT, SESSION);
    expect(token).toMatch(/^crt1_[\w-]{107}$/);
    expect(parseRefreshToken(token)).toEqual({ token, ...described });
    expect(described).toMatchObject({ tenantId: TENANT, sessionId: SESSION });
    expect(described.familyHash).toHaveLength(32);
    expect(described.generationHash).toHaveLength(32);
  });

  it('keep the family and change the generation when renewed', () => {
    const first = createRefreshToken(TENANT, SESSION);
    const second = renewRefreshToken(first.token);
    expect(second).toMatchObject({ tenantId: TENANT, sessionId: SESSION });
    expect(second.familyHash).toEqual(first.familyHash);
    expect(second.generationHash).not.toEqual(first.generationHash);
  });

  it('are of different families in different sessions', () => {
    const [one, other] = [createRefreshToken(TENANT, SESSION), createRefreshToken(TENANT, SESSION)];
    expect(one.familyHash).not.toEqual(other.familyHash);
  });

  const good = `crt1_${'A'.repeat(107)}`;
  it.each([
    ['nothing', ''],
    ['an access token', 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
    ['another version', good.replace('crt1', 'crt2')],
    ['one character less', good.slice(0, -1)],
    ['one character more', `${good}A`],
    ['a line break at the end', `${good.slice(0, -1)}\n`],
    ['another alphabet', `${good.slice(0, -1)}+`],
    ['a second spelling of the same bytes', `${good.slice(0, -1)}B`],
    ['a megabyte', `crt1_${'A'.repeat(1_000_000)}`],
  ])('are told from %s', (_what, text) => {
    expect(parseRefreshToken(good)).toBeDefined();
    expect(parseRefreshToken(text)).toBeUndefined();
  });
});
