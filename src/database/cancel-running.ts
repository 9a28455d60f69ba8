/**
 * Asks the server to cancel what a client is running, over a connection of its own, as the protocol
 * has it. Best effort: the statement's own timeout ends it if this does not. The request may arrive
 * when the statement is over, so the connection it was for must not serve anybody else afterwards.
 */
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
  const { host, port, ssl, processID, secretKey } = internalsOf(client);
  if (processID === null || secretKey === null) return;
  const connection = new pg.Connection({ ssl }) as unknown as CancelConnection;
  const limit = setTimeout(() => connection.stream.destroy(), CANCEL_WITHIN_MS);
  const ask = (): void => connection.cancel(processID, secretKey);
  connection.on('connect', () => (ssl ? connection.requestSsl() : ask()));
  connection.on('sslconnect', ask);
  connection.on('error', () => undefined); // best effort, see above
  connection.on('end', () => clearTimeout(limit));
  connection.connect(port, host);
}
