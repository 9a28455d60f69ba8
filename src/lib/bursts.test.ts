import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { writeInBurst } from './bursts';

describe('writes in bursts', () => {
  let ends: Socket[];
  let close: () => void;

  beforeEach(async () => {
    const server = createServer((socket) => socket.resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    ends = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      }),
    );
    close = () => {
      for (const socket of ends) socket.destroy();
      server.close();
    };
  });
  afterEach(() => close());

  const end = (index: number): Socket => {
    const socket = ends[index];
    if (socket === undefined) throw new Error('There are six.');
    return socket;
  };
  const write = (index: number, text: string): void => {
    writeInBurst(end(index));
    end(index).write(text);
  };
  const waiting = (): number[] => ends.map((socket) => socket.writableLength);

  it('leave when the turn of the event loop is over', async () => {
    write(0, 'one');
    write(0, 'two');
    await Promise.resolve();
    expect(waiting()).toEqual([6, 0, 0, 0, 0, 0]);
    await new Promise(setImmediate);
    expect(waiting()).toEqual([0, 0, 0, 0, 0, 0]);
    expect(end(0).writableCorked).toBe(0);
  });

  it('leave before when there are more than a few', async () => {
    for (const index of [0, 1, 2, 3, 4]) write(index, 'x');
    expect(waiting()).toEqual([0, 0, 0, 0, 1, 0]);
    await new Promise(setImmediate);
    expect(ends.map(({ writableCorked }) => writableCorked)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(waiting()).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('leave also when one of the sockets is gone meanwhile', async () => {
    write(0, 'x');
    write(1, 'y');
    end(0).destroy();
    await new Promise(setImmediate);
    expect(waiting()[1]).toBe(0);
  });
});
