import { Histogram, Registry } from 'prom-client';
import { LabelledHistogram } from './labelled-histogram';

const buckets = [0.001, 0.25, 1];
const observations: [label: string, value: number][] = [
  ['/graphql', 0.0005],
  ['/graphql', 0.001],
  ['/a "quoted" path', 0.3],
  ['/graphql', 0.25],
  ['/graphql', 17],
];

describe('a histogram with one label', () => {
  it('is scraped as the one of prom-client is', async () => {
    const [theirs, ours] = [new Registry(), new Registry()];
    const common = { name: 'seconds', help: 'Time it took.' };
    const expected = new Histogram({
      ...common,
      labelNames: ['route'],
      buckets,
      registers: [theirs],
    });
    const histogram = new LabelledHistogram({
      ...common,
      label: 'route',
      buckets,
      registers: [ours],
    });
    expect(await ours.metrics()).toBe(await theirs.metrics());
    for (const [route, value] of observations) {
      expected.observe({ route }, value);
      histogram.observe(route, value);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
    expect(await ours.metrics()).toContain('seconds_bucket{le="+Inf",route="/graphql"} 4');
  });
});
