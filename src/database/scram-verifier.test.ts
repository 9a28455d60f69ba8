import { scramVerifier } from './scram-verifier';

describe('scramVerifier', () => {
  it('derives the keys of the example in RFC 7677', async () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    expect(await scramVerifier('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:' +
        'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  it('salts anew each time', async () => {
    expect(await scramVerifier('pencil')).not.toBe(await scramVerifier('pencil'));
  });

  it('refuses a password that Postgres would prepare differently, without repeating it', async () => {
    await expect(scramVerifier('pässword')).rejects.toThrow(
      'scramVerifier(password) expects printable ASCII, but got something else.',
    );
  });
});
