/** The parts of pg's client that its types leave out, each named once. */
import type { Socket } from 'node:net';
import type { ClientBase } from 'pg';

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
