import { searchPhrases } from './search-phrases';

describe('the phrases of a search', () => {
  it('are what stands between spaces, each once', () => {
    expect(searchPhrases('  Anna \t Lindqvist\nAnna ')).toEqual(['Anna', 'Lindqvist']);
  });

  it('are none where nothing but spaces was typed', () => {
    for (const query of ['', '   ', '\0', '\t\n']) expect(searchPhrases(query)).toEqual([]);
  });

  it('hold nothing that Postgres does not take for text', () => {
    expect(searchPhrases('an\0na \ud83d x\udc00y')).toEqual(['an', 'na', 'x', 'y']);
    expect(searchPhrases('👩 ok')).toEqual(['👩', 'ok']);
  });

  it('join the digits of a telephone number', () => {
    expect(searchPhrases('+49 (30) 123-456')).toEqual(['4930123456']);
    expect(searchPhrases('12 Monkeys')).toEqual(['12', 'Monkeys']);
  });

  it('are few and short, however much was typed', () => {
    const many = Array.from({ length: 5000 }, (_, n) => `w${n}`).join(' ');
    expect(searchPhrases(many)).toHaveLength(8);
    expect(searchPhrases('x'.repeat(1_000_000))[0]).toHaveLength(200);
  });
});
