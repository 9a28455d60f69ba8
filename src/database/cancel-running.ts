/**
 * Asks the server to cancel what a client is running, over a connection of its own, as the protocol
 * has it. Best effort: the statement's own timeout ends it if this does not. The request may arrive
 * when the statement is over, so the connection it was for must not serve anybody else afterwards.
 *
 * It goes to the very address that the client is connected to: the host's name is not looked up again,
 * for it may lead elsewhere by now (see `address-guard.ts`), where nobody knows of the statement.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import { SECOND } from '../lib/duration';
import { internalsOf } from './pg-internals';

const CANCEL_WITHIN_MS = 2 * SECOND;

interface CancelConnection {
  readonly stream: { destroy(): void };
  connect(port: number, host: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): void;
}

export function cancelRunning(client: pg.ClientBase): void {
  const { host, port, ssl, processID, secretKey, connection: running } = internalsOf(client);
  const address = running.stream.remoteAddress;
  if (processID === null || secretKey === null || address === undefined) return;
  const stream = (): Socket => new PinnedSocket(address);
  const connection = new pg.Connection({ ssl, stream }) as unknown as CancelConnection;
  const limit = setTimeout(() => connection.stream.destroy(), CANCEL_WITHIN_MS);
  const ask = (): void => connection.cancel(processID, secretKey);
  connection.on('connect', () => (ssl ? connection.requestSsl() : ask()));
  connection.on('sslconnect', ask);
  connection.on('error', () => undefined); // best effort, see above
  connection.on('end', () => clearTimeout(limit));
  connection.connect(port, host);
}

/** Connects to an address, whatever the host's name: TLS still expects the name's certificate. */
class PinnedSocket extends Socket {
  constructor(readonly peer: string) {
    super();
  }

  override connect(...target: unknown[]): this {
    return super.connect(Number(target[0]), this.peer);
  }
}
