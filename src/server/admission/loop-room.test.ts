import { createLoopRoom, type LoopRoom } from './loop-room';

let busy: number;
const lookTimes = (
  room: LoopRoom,
  times: number,
  areQuietThere = false,
  isShort = true,
): number => {
  for (let count = 0; count < times; count += 1) room.look(areQuietThere, isShort);
  return room.limit;
};
const roomFor = (least: number): LoopRoom => createLoopRoom({ least, utilization: () => busy });

describe('the room in the event loop', () => {
  it('grows while the loop is idle in between, within a bound', () => {
    busy = 0.5;
    const room = roomFor(4);
    expect(room.limit).toBe(4);
    expect(lookTimes(room, 1)).toBe(6);
    expect(lookTimes(room, 100)).toBe(1000);
  });

  it('shrinks to the least while the loop is never idle', () => {
    const room = roomFor(4);
    busy = 0.5;
    lookTimes(room, 10);
    busy = 1;
    expect(lookTimes(room, 1)).toBeLessThan(1000);
    expect(lookTimes(room, 100)).toBe(4);
  });

  it('shrinks to one where somebody quiet is there, and is as before once nobody is', () => {
    const room = roomFor(4);
    busy = 1;
    expect(lookTimes(room, 10, true)).toBe(1);
    expect(lookTimes(room, 1)).toBe(4);
  });

  it('leaves nearly half of the loop’s time free where somebody quiet is there', () => {
    const room = roomFor(4);
    busy = 0.7;
    expect(lookTimes(room, 10, true)).toBe(1);
    busy = 0.55;
    expect(lookTimes(room, 10, true)).toBe(1);
    busy = 0.4;
    expect(lookTimes(room, 1, true)).toBe(2);
  });

  it('is the least wherever the loop has rested, whoever is there', () => {
    const room = roomFor(4);
    busy = 1;
    expect(lookTimes(room, 10, true)).toBe(1);
    busy = 0.2;
    expect(lookTimes(room, 1, true)).toBe(4);
  });

  it('does not grow where nobody would use more', () => {
    busy = 0.3;
    expect(lookTimes(roomFor(4), 10, false, false)).toBe(4);
    expect(lookTimes(roomFor(4), 10, true, false)).toBe(4);
  });

  it('stays where the loop is busy nearly all the time', () => {
    const room = roomFor(4);
    busy = 0.5;
    const grown = lookTimes(room, 3);
    busy = 0.85;
    expect(lookTimes(room, 10)).toBe(grown);
  });

  it('is never less than the least, also where that is beyond the bound', () => {
    busy = 0;
    expect(lookTimes(roomFor(5000), 3)).toBe(5000);
  });

  it('finds out by itself how busy the loop is', async () => {
    let room: LoopRoom;
    do {
      // Again where the machine was busy with others.
      room = createLoopRoom({ least: 4 });
      const until = performance.now() + 30;
      while (performance.now() < until);
      room.look(false, true);
    } while (room.limit !== 4);
    while (room.limit === 4) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // idle
      room.look(false, true);
    }
    expect(room.limit).toBe(6);
  });
});
