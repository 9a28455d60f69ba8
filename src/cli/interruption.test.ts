import { onInterrupt } from './interruption';

let now = 0;
let ended: unknown[] = [];
let release: () => void = () => undefined;
let begun = 0;

beforeEach(() => {
  [now, begun, ended] = [1000, 0, []];
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  jest.spyOn(process, 'exit').mockImplementation(((code: unknown) => ended.push(code)) as never);
  release = onInterrupt(() => (begun += 1));
});

afterEach(() => {
  release();
  jest.restoreAllMocks();
});

it('takes one Ctrl-C that arrives twice, from the terminal and from npm, for one', () => {
  process.emit('SIGINT');
  now += 40;
  process.emit('SIGINT');
  expect({ begun, ended }).toEqual({ begun: 1, ended: [] });
});

it('ends the process at a second Ctrl-C', () => {
  process.emit('SIGINT');
  now += 2000;
  process.emit('SIGTERM');
  expect({ begun, ended }).toEqual({ begun: 1, ended: [130] });
});

it('gives the signals back', () => {
  release();
  process.emit('SIGINT');
  expect({ begun, listeners: process.listenerCount('SIGTERM') }).toEqual({
    begun: 0,
    listeners: 0,
  });
});
