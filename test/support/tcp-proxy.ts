/**
 * A TCP proxy between the server and a database, which can be told to misbehave: the ways in which a
 * network and a machine fail, on demand.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type ProxyMode =
  /** Passes everything on. */
  | 'pass'
  /** Accepts and says nothing; connections that were there fall silent too. */
  | 'blackhole'
  /** Closes connections as soon as they are made. */
  | 'refuse';

export interface TcpProxy {
  readonly port: number;
  /** The URL with the proxy's address in place of the database's. */
  through(url: string): string;
  set(mode: ProxyMode): void;
  /** Cuts all connections there are; new ones are as the mode says. */
  cut(): void;
  /** Holds what the client sends for so long before it is passed on. */
  delay(ms: number): void;
  /** Connections that were attempted, in any mode. */
  readonly attempts: () => number;
  readonly open: () => number;
  /** What clients sent since the last `clear`, a chunk for each packet. */
  readonly packets: readonly Buffer[];
  clear(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(databaseUrl: string): Promise<TcpProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Map<Socket, Socket>();
  const packets: Buffer[] = [];
  let mode: ProxyMode = 'pass';
  let attempts = 0;
  let delayMs = 0;

  const server = createServer((client) => {
    attempts += 1;
    client.on('error', () => undefined); // the other side was cut
    if (mode === 'refuse') return void client.destroy();
    if (mode === 'blackhole') return void pairs.set(client, client);
    const upstream = connect({ host: target.hostname, port: Number(target.port) });
    upstream.on('error', () => client.destroy());
    pairs.set(client, upstream);
    client.on('data', (chunk) => {
      packets.push(chunk);
      if (mode !== 'pass') return;
      if (delayMs === 0) upstream.write(chunk);
      else setTimeout(() => upstream.write(chunk), delayMs);
    });
    upstream.on('data', (chunk) => {
      if (mode === 'pass') client.write(chunk);
    });
    client.on('close', () => {
      pairs.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => {
      if (mode === 'pass') client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const cut = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
    pairs.clear();
  };
  return {
    port,
    through(url) {
      const proxied = new URL(url);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(port);
      return proxied.toString();
    },
    set(next) {
      mode = next;
    },
    cut,
    delay(ms) {
      delayMs = ms;
    },
    attempts: () => attempts,
    open: () => pairs.size,
    packets,
    clear: () => void packets.splice(0),
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
