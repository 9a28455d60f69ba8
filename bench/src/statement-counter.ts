/**
 * A proxy before Postgres that reads the protocol and counts, so that every server is counted alike
 * and from outside: statements executed, and round trips (a client that speaks while nothing is
 * outstanding begins one; what it pipelines behind that begins none). In its way only while
 * counting, never while timing. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface StatementCounts {
  /** Statements that read or write. */
  statements: number;
  /** BEGIN, COMMIT, SET, set_config. */
  transactionStatements: number;
  roundTrips: number;
  /** The texts, for a look at what is counted. */
  readonly texts: Map<string, number>;
}

export interface StatementCounter {
  readonly port: number;
  readonly counts: StatementCounts;
  reset(): void;
  close(): Promise<void>;
}

const CONTROL =
  /^\s*(begin|start transaction|commit|rollback|set\b|reset|discard|(select|with)[^;]*\bset_config\()/i;

const OF_TABLES = /\bcloister"?\./;

export async function startStatementCounter(upstreamPort: number): Promise<StatementCounter> {
  const counts: StatementCounts = emptyCounts();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port: upstreamPort, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      // Either end may go at any time; the other follows.
      socket.on('error', () => undefined);
    }
    watch(client, upstream, counts);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    reset() {
      Object.assign(counts, { statements: 0, transactionStatements: 0, roundTrips: 0 });
      counts.texts.clear();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const emptyCounts = (): StatementCounts => ({
  statements: 0,
  transactionStatements: 0,
  roundTrips: 0,
  texts: new Map(),
});

function watch(client: Socket, upstream: Socket, counts: StatementCounts): void {
  const texts = new Map<string, string>();
  const portals = new Map<string, string>();
  let outstanding = 0;

  const executed = (text: string): void => {
    if (CONTROL.test(text) && !OF_TABLES.test(text)) counts.transactionStatements += 1;
    else counts.statements += 1;
    counts.texts.set(text, (counts.texts.get(text) ?? 0) + 1);
  };
  const fromClient = messageReader(true, (type, body) => {
    if (type === 'P') {
      const [name = '', text = ''] = strings(body);
      texts.set(name, text);
    } else if (type === 'B') {
      const [portal = '', statement = ''] = strings(body);
      portals.set(portal, statement);
    } else if (type === 'E') {
      executed(texts.get(portals.get(strings(body)[0] ?? '') ?? '') ?? '');
    } else if (type === 'Q') {
      executed(strings(body)[0] ?? '');
      outstanding += 1;
    } else if (type === 'S') {
      outstanding += 1;
    }
  });
  const fromServer = messageReader(false, (type) => {
    if (type === 'Z') outstanding = Math.max(0, outstanding - 1);
  });
  client.on('data', (chunk) => {
    if (outstanding === 0) counts.roundTrips += 1;
    fromClient(chunk);
    upstream.write(chunk);
  });
  upstream.on('data', (chunk) => {
    fromServer(chunk);
    client.write(chunk);
  });
}

/** The zero-terminated strings a message begins with. */
const strings = (body: Buffer): readonly string[] => body.toString('latin1').split('\0', 3);

/** Cuts a stream into messages: a type, a length that counts itself, a body. */
function messageReader(client: boolean, handle: (type: string, body: Buffer) => void) {
  let rest: Buffer = Buffer.alloc(0);
  let starting = client; // the client's first message has no type
  return (chunk: Buffer): void => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const head = starting ? 0 : 1;
      if (rest.length < head + 4) return;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return;
      if (!starting) handle(String.fromCharCode(rest[0] ?? 0), rest.subarray(5, end));
      starting = false;
      rest = rest.subarray(end);
    }
  };
}
