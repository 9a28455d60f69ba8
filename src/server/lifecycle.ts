/**
 * From listening to closed, so that no request is lost on the way: `/readyz` answers 503 first,
 * then load balancers get the drain delay to notice, then the socket stops accepting, requests in
 * flight finish, and what is still there after the grace period is cut.
 */
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { listenError } from './listen-error';

export type LifecycleState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'listening'; readonly url: string }
  | { readonly phase: 'draining'; readonly closed: Promise<void> }
  | { readonly phase: 'closed' };

export interface LifecycleOptions {
  readonly host: string;
  readonly port: number;
  /** How long to go on accepting after `/readyz` answers 503. */
  readonly drainDelayMs: number;
  /** How long requests in flight may take to finish. */
  readonly graceMs: number;
}

export interface Lifecycle {
  state(): LifecycleState;
  listen(): Promise<{ url: string }>;
  /** Safe to call twice; resolves when the last connection is gone. */
  close(): Promise<void>;
}

/** How long a connection that has sent nothing yet may still begin a request while draining. */
const SILENT_CONNECTION_GRACE_MS = 250;

export function createLifecycle(app: FastifyInstance, options: LifecycleOptions): Lifecycle {
  let state: LifecycleState = { phase: 'idle' };
  const silent = trackSilentConnections(app);

  async function drain(delayMs: number): Promise<void> {
    if (delayMs > 0) await wait(delayMs);
    // Not unref'd: while it is pending there are connections to wait for anyway.
    const hardStop = setTimeout(() => app.server.closeAllConnections(), options.graceMs);
    const silentStop = setTimeout(
      () => silent.forEach((socket) => socket.destroy()),
      Math.min(SILENT_CONNECTION_GRACE_MS, options.graceMs),
    );
    try {
      await app.close();
    } finally {
      clearTimeout(hardStop);
      clearTimeout(silentStop);
      state = { phase: 'closed' };
    }
  }

  return {
    state: () => state,
    async listen() {
      if (state.phase !== 'idle') {
        throw new Error(`Expected a server that was never started, but it is ${state.phase}.`);
      }
      const { host, port } = options;
      const url = await app.listen({ host, port }).catch((error: unknown) => {
        throw listenError(error, { host, port });
      });
      state = { phase: 'listening', url };
      return { url };
    },
    close() {
      switch (state.phase) {
        case 'idle':
        case 'listening': {
          const closed = drain(state.phase === 'listening' ? options.drainDelayMs : 0);
          state = { phase: 'draining', closed };
          return closed;
        }
        case 'draining':
          return state.closed;
        case 'closed':
          return Promise.resolve();
      }
    },
  };
}

/**
 * Connections opened in advance, on which no request ever came: Node does not count them as idle
 * and would wait for them until the grace period ends.
 */
function trackSilentConnections(app: FastifyInstance): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
  return silent;
}
