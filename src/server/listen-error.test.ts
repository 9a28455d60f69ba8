import fastify from 'fastify';
import { createServer, type AddressInfo } from 'node:net';
import { createLifecycle } from './lifecycle';
import { listenError } from './listen-error';

it('says which port is taken and what to set', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const lifecycle = createLifecycle(fastify(), {
    host: '127.0.0.1',
    port,
    drainDelayMs: 0,
    graceMs: 0,
  });
  await expect(lifecycle.listen()).rejects.toMatchObject({
    name: 'ListenError',
    message: `Port ${port} of 127.0.0.1 is in use by another program: stop that one, or set PORT to another port.`,
  });
  await lifecycle.close();
  await new Promise((resolve) => other.close(resolve));
});

it('leaves errors as they are that say nothing about the address', () => {
  const error = new Error('something else');
  expect(listenError(error, { host: '127.0.0.1', port: 1 })).toBe(error);
});
