import { randomUUID } from 'node:crypto';
import { toUUID, typeidUnboxed, type TypeId } from 'typeid-js';
import { parseTypeId, toTypeId } from './type-id';

describe('TypeIDs', () => {
  // From the specification's valid.json: https://github.com/jetify-com/typeid/tree/main/spec
  it.each([
    ['prefix', '00000000000000000000000000', '00000000-0000-0000-0000-000000000000'],
    ['prefix', '0000000000000000000000000g', '00000000-0000-0000-0000-000000000010'],
    ['prefix', '7zzzzzzzzzzzzzzzzzzzzzzzzz', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    ['prefix', '0123456789abcdefghjkmnpqrs', '0110c853-1d09-52d8-d73e-1194e95b5f19'],
    ['prefix', '01h455vb4pex5vsknk084sn02q', '01890a5d-ac96-774b-bcce-b302099a8057'],
    ['pre_fix', '00000000000000000000000000', '00000000-0000-0000-0000-000000000000'],
  ])('agrees with the specification on %s_%s', (prefix, suffix, uuid) => {
    expect(toTypeId(prefix, uuid)).toBe(`${prefix}_${suffix}`);
    expect(parseTypeId(prefix, `${prefix}_${suffix}`)).toBe(uuid);
  });

  it('are those of the reference implementation, both ways', () => {
    for (let count = 0; count < 200; count += 1) {
      const uuid = randomUUID();
      const id = toTypeId('account', uuid);
      expect(toUUID(id as TypeId<'account'>)).toBe(uuid);
      expect(parseTypeId('account', id)).toBe(uuid);
      const made = typeidUnboxed('account');
      expect(parseTypeId('account', made)).toBe(toUUID(made));
    }
  });

  it.each([
    ['the id of another kind', 'contact_01h455vb4pex5vsknk084sn02q'],
    ['a kind whose name begins alike', 'accounts_01h455vb4pex5vsknk084sn02q'],
    ['a bare suffix', '01h455vb4pex5vsknk084sn02q'],
    ['a UUID', '01890a5d-ac96-774b-bcce-b302099a8057'],
    ['a suffix too short', 'account_01h455vb4pex5vsknk084sn02'],
    ['a suffix too long', 'account_01h455vb4pex5vsknk084sn02q2'],
    ['more than 128 bits', 'account_8zzzzzzzzzzzzzzzzzzzzzzzzz'],
    ['capitals', 'account_01H455VB4PEX5VSKNK084SN02Q'],
    ['look-alikes of base 32', 'account_01h455vb4pex5vsknk084sn0il'],
    ['white space around it', ' account_01h455vb4pex5vsknk084sn02q'],
    ['a line break after it', 'account_01h455vb4pex5vsknk084sn02\n'],
    ['characters beyond ASCII', 'account_01h455vb4pex5vsknk084sn02é'],
    ['SQL', "account_' or 1=1 --"],
    ['nothing', ''],
  ])('refuses %s', (_what, text) => {
    expect(parseTypeId('account', text)).toBeUndefined();
  });
});
