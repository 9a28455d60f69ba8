/**
 * One HTTP/1.1 connection that sends ready-made requests and waits for each answer. The generator
 * shares the machine with what it measures, so it must cost little: no parser, no objects beyond
 * the answer, the request's bytes made beforehand.
 */
import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

export interface HttpConnection {
  /** One request at a time. */
  send(request: Buffer): Promise<HttpAnswer>;
  close(): void;
}

const ANSWER_WITHIN_MS = 30_000;
const HEAD_END = Buffer.from('\r\n\r\n');

/** The bytes of a POST of JSON. */
export function jsonRequest(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: object,
): Buffer {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    accept: 'application/graphql-response+json, application/json',
    ...headers,
    'content-length': String(Buffer.byteLength(text)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
}

export async function openHttpConnection(port: number): Promise<HttpConnection> {
  const socket = await open(port);
  let received: Buffer = Buffer.alloc(0);
  let pending: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | undefined;

  const fail = (error: Error): void => {
    const waiting = pending;
    pending = undefined;
    waiting?.reject(error);
  };
  socket.on('error', fail);
  socket.setTimeout(ANSWER_WITHIN_MS, () => {
    fail(new Error(`Got no answer within ${ANSWER_WITHIN_MS / 1000} s.`));
    socket.destroy();
  });
  socket.on('close', () => fail(new Error('The server closed the connection.')));
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const waiting = pending;
    if (waiting === undefined) return;
    try {
      const answer = readAnswer(received);
      if (answer === undefined) return;
      received = Buffer.alloc(0);
      pending = undefined;
      waiting.resolve(answer);
    } catch (error) {
      fail(error as Error);
    }
  });

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        pending = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** @returns undefined while the answer is not complete. */
function readAnswer(received: Buffer): HttpAnswer | undefined {
  const end = received.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const head = received.toString('latin1', 0, end + 2).toLowerCase();
  const start = end + HEAD_END.length;
  const status = Number(head.slice(9, 12));
  const at = head.indexOf('\r\ncontent-length:');
  if (at !== -1) {
    const length = Number.parseInt(head.slice(at + 17, at + 32), 10);
    if (received.length < start + length) return undefined;
    return { status, body: received.subarray(start, start + length) };
  }
  if (!head.includes('\r\ntransfer-encoding: chunked')) {
    throw new Error('Expected an answer with a length, but got one that ends with the connection.');
  }
  const body = readChunks(received, start);
  return body === undefined ? undefined : { status, body };
}

function readChunks(received: Buffer, start: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ;) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(received.toString('latin1', at, lineEnd), 16);
    const chunkEnd = lineEnd + 2 + size;
    if (received.length < chunkEnd + 2) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(received.subarray(lineEnd + 2, chunkEnd));
    at = chunkEnd + 2;
  }
}
