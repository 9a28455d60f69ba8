/** The parts of pg's client and pool that its types leave out, each named once. */
import type { Socket } from 'node:net';
import type { ClientBase, Pool, PoolClient } from 'pg';

export interface ClientInternals {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
  /** Set once the connection is up; together they let another connection cancel a statement. */
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly connection: { readonly stream: Socket };
}

export const internalsOf = (client: ClientBase): ClientInternals =>
  client as unknown as ClientInternals;

/** Closes without a goodbye: for a server that may not answer one. Waiting statements fail. */
export function destroyConnection(client: ClientBase): void {
  internalsOf(client).connection.stream.destroy();
}

/**
 * Holds back what is written until the code that runs now, and the promises it resolves, are done:
 * several messages then leave in one packet.
 */
export function inOneFlight(client: ClientBase): void {
  const { stream } = internalsOf(client).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

interface PoolInternals {
  /** The one given back last comes last, and is taken first. */
  readonly _idle: readonly { readonly client: PoolClient }[];
  _remove(client: PoolClient): void;
}

const internalsOfPool = (pool: Pool): PoolInternals => pool as unknown as PoolInternals;

/** Of a pool's idle connections the one that nobody has used for longest. */
export const longestIdle = (pool: Pool): PoolClient | undefined =>
  internalsOfPool(pool)._idle[0]?.client;

/** Closes an idle connection, as the pool does with one that was idle for too long. */
export const removeIdle = (pool: Pool, client: PoolClient): void =>
  internalsOfPool(pool)._remove(client);
