import { boundedLabels } from './bounded-labels';

describe('bounded labels', () => {
  it('give the first that come their own name for good, and the others one together', () => {
    const labelOf = boundedLabels(2);
    expect(['a', 'b', 'c', 'a', 'd', 'b'].map(labelOf)).toEqual([
      'a',
      'b',
      'other',
      'a',
      'other',
      'b',
    ]);
  });

  it('give none a name when there is room for none', () => {
    expect(boundedLabels(0)('a')).toBe('other');
  });
});
