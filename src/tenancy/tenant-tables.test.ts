import { inOrderOfReferences } from './tenant-tables';

const table = (name: string, ...parents: string[]) => ({ name, parents });
const order = (...tables: { name: string; parents: string[] }[]): string[] =>
  inOrderOfReferences(tables).map(({ name }) => name);

describe('the order of references', () => {
  it('puts parents before children, however they are listed', () => {
    expect(
      order(
        table('lines', 'deals', 'goods'),
        table('deals', 'firms'),
        table('firms'),
        table('goods'),
      ),
    ).toEqual(['firms', 'goods', 'deals', 'lines']);
  });

  it('leaves no table out when some refer to each other in a circle', () => {
    expect(order(table('a', 'b'), table('b', 'a'), table('c', 'a'), table('d'))).toEqual([
      'd',
      'a',
      'b',
      'c',
    ]);
  });
});
