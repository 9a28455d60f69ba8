import { Deadlines } from './deadlines';

const due = (dueAt: number) => ({ dueAt, onDue: jest.fn() });

describe('a list of deadlines', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('calls what is due once, and nothing before its time', () => {
    const deadlines = new Deadlines(100);
    const first = due(performance.now() + 150);
    const second = due(performance.now() + 450);
    deadlines.add(first);
    deadlines.add(second);
    jest.advanceTimersByTime(100);
    expect(first.onDue).not.toHaveBeenCalled();
    jest.advanceTimersByTime(200);
    expect(first.onDue).toHaveBeenCalledTimes(1);
    expect(second.onDue).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1000);
    expect(first.onDue).toHaveBeenCalledTimes(1);
    expect(second.onDue).toHaveBeenCalledTimes(1);
  });

  it('forgets what is taken off, and waits for a deadline that was put off', () => {
    const deadlines = new Deadlines(100);
    const dropped = due(performance.now() + 150);
    const putOff = due(performance.now() + 150);
    deadlines.add(dropped);
    deadlines.add(putOff);
    deadlines.remove(dropped);
    putOff.dueAt += 300;
    jest.advanceTimersByTime(300);
    expect(putOff.onDue).not.toHaveBeenCalled();
    jest.advanceTimersByTime(300);
    expect(putOff.onDue).toHaveBeenCalledTimes(1);
    expect(dropped.onDue).not.toHaveBeenCalled();
  });

  it('takes any of many off and keeps the others', () => {
    const deadlines = new Deadlines(100);
    const all = Array.from({ length: 9 }, () => due(performance.now() + 150));
    for (const each of all) deadlines.add(each);
    for (const gone of [0, 4, 8, 4]) deadlines.remove(all[gone] ?? due(0));
    jest.advanceTimersByTime(1000);
    const calls = all.map(({ onDue }) => onDue.mock.calls.length);
    expect(calls).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0]);
  });

  it('does not call what the end of another has taken off', () => {
    const deadlines = new Deadlines(100);
    const second = due(performance.now() + 150);
    const first = { dueAt: second.dueAt, onDue: () => deadlines.remove(second) };
    deadlines.add(first);
    deadlines.add(second);
    jest.advanceTimersByTime(1000);
    expect(second.onDue).not.toHaveBeenCalled();
  });

  it('holds no timer while nothing waits, and one again when something does', () => {
    const deadlines = new Deadlines(100);
    const first = due(performance.now() + 150);
    deadlines.add(first);
    expect(jest.getTimerCount()).toBe(1);
    deadlines.remove(first);
    jest.advanceTimersByTime(200);
    expect(jest.getTimerCount()).toBe(0);
    const second = due(performance.now() + 150);
    deadlines.add(second);
    jest.advanceTimersByTime(300);
    expect(second.onDue).toHaveBeenCalledTimes(1);
  });
});
