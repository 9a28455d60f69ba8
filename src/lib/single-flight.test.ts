import { SingleFlight } from './single-flight';

const deferred = <T>() => {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

describe('SingleFlight', () => {
  it('loads once for all who ask meanwhile, and again afterwards', async () => {
    const flights = new SingleFlight<string, number>();
    let loads = 0;
    const load = async () => (loads += 1);
    expect(await Promise.all([flights.run('a', load), flights.run('a', load)])).toEqual([1, 1]);
    expect(await flights.run('a', load)).toBe(2);
  });

  it('does not share between keys', async () => {
    const flights = new SingleFlight<string, string>();
    const load = (key: string) => flights.run(key, () => Promise.resolve(key));
    expect(await Promise.all([load('a'), load('b')])).toEqual(['a', 'b']);
  });

  it('shares a failure and forgets it', async () => {
    const flights = new SingleFlight<string, number>();
    const fail = () => Promise.reject(new Error('no'));
    const both = await Promise.allSettled([flights.run('a', fail), flights.run('a', fail)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await flights.run('a', () => Promise.resolve(1))).toBe(1);
  });

  it('tells a load that was invalidated that it is not current, and answers its callers all the same', async () => {
    const flights = new SingleFlight<string, string>();
    const gate = deferred<string>();
    const published: string[] = [];
    const load = async (isCurrent: () => boolean) => {
      const value = await gate.promise;
      if (isCurrent()) published.push(value);
      return value;
    };
    const before = flights.run('a', load);
    await Promise.resolve();
    flights.invalidate('a');
    const after = flights.run('a', async (isCurrent) => {
      if (isCurrent()) published.push('new');
      return 'new';
    });
    gate.resolve('old');
    expect(await before).toBe('old');
    expect(await after).toBe('new');
    expect(published).toEqual(['new']);
  });

  it('detaches all loads at once', async () => {
    const flights = new SingleFlight<string, boolean>();
    const gate = deferred<void>();
    const load = async (isCurrent: () => boolean) => {
      await gate.promise;
      return isCurrent();
    };
    const running = [flights.run('a', load), flights.run('b', load)];
    flights.invalidateAll();
    gate.resolve();
    expect(await Promise.all(running)).toEqual([false, false]);
  });
});
