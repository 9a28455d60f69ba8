/** The parts of pg's client and pool that its types leave out, each named once. */
import type { Socket } from 'node:net';
import type { ClientBase, Pool, PoolClient } from 'pg';
import { writeInBurst } from '../lib/bursts';

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
 * Several messages leave in one packet: those that are sent by the code that runs now and by the
 * promises it resolves, as a rule, and those to other connections right behind.
 */
export const inOneFlight = (client: ClientBase): void =>
  writeInBurst(internalsOf(client).connection.stream);

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
