import { createMailedToken, parseMailedToken } from './mailed-tokens';

const TENANT = '01890a5d-ac96-774b-bcce-b302099a8051';
const ID = '01890a5d-ac96-774b-bcce-b302099a8052';

describe('a mailed token', () => {
  it('says which row proves it, and never the secret', () => {
    const { token, ...described } = createMailedToken(TENANT, ID);
    expect(parseMailedToken(token)).toEqual({ token, ...described });
    expect(described).toMatchObject({ tenantId: TENANT, tokenId: ID });
    expect(token).not.toContain(described.secretHash.toString('base64url'));
    expect(createMailedToken(TENANT, ID).token).not.toBe(token);
  });

  it('has one spelling', () => {
    const { token } = createMailedToken(TENANT, ID);
    for (const other of ['', token.slice(1), `${token}A`, token.slice(0, -1), token.toUpperCase()])
      expect(parseMailedToken(other)).toBeUndefined();
    // The last character has four bits that carry nothing.
    const twisted = `${token.slice(0, -1)}${token.endsWith('B') ? 'C' : 'B'}`;
    expect(parseMailedToken(twisted)).toBeUndefined();
  });
});
