/**
 * Asks a Postgres server whether it still answers, without logging in: the SSLRequest message gets
 * one byte from any healthy server (also from PgBouncer), so silence means that nobody is there,
 * even where something accepts the connection. For telling a slow statement from a dead server.
 */
import { connect } from 'node:net';

/** Length 8, then the request code 1234 5679 (Postgres protocol, "SSLRequest"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

export function answers(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (alive: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    const timer = setTimeout(() => settle(false), timeoutMs);
    socket.once('connect', () => socket.write(SSL_REQUEST));
    socket.once('data', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('end', () => settle(false));
  });
}
