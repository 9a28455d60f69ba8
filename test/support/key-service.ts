/**
 * What the fakes of AWS KMS and Vault share: an HTTP server on this machine that seals for real and
 * can be told to misbehave. Port 0; counts what it is asked.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type ServiceMode =
  | 'works'
  /** Takes requests and never answers. */
  | 'silent'
  /** Answers 500. */
  | 'broken'
  /** Cuts every connection. */
  | 'cut';

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface KeyService {
  readonly url: string;
  set(mode: ServiceMode): void;
  /** How long each answer takes. */
  delay(ms: number): void;
  /** What was asked, in order: `Decrypt`, `transit/decrypt/cloister`, … */
  readonly calls: string[];
  /** Everything that came in, headers and bodies: to be searched for what must not be there. */
  readonly received: string[];
  close(): Promise<void>;
}

export async function startKeyService(
  nameOf: (request: IncomingMessage) => string,
  answer: (request: IncomingMessage, body: Record<string, unknown>) => Reply,
): Promise<KeyService> {
  const calls: string[] = [];
  const received: string[] = [];
  let mode: ServiceMode = 'works';
  let delayMs = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    const reply = async (): Promise<void> => {
      calls.push(nameOf(request));
      const text = Buffer.concat(chunks).toString();
      received.push(JSON.stringify(request.headers) + text);
      if (mode === 'silent') return;
      if (mode === 'cut') {
        request.socket.destroy();
        return;
      }
      if (delayMs > 0) await delay(delayMs);
      const { status, body } =
        mode === 'broken'
          ? { status: 500, body: { __type: 'KMSInternalException', errors: ['internal error'] } }
          : answer(request, (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    request.on('end', () => void reply());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    set: (next) => {
      mode = next;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    calls,
    received,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function sealBytes(key: Buffer, bytes: Buffer, aad: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(aad));
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** @returns undefined when they do not open. */
export function openBytes(key: Buffer, sealed: Buffer, aad: string): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
    decipher.setAAD(Buffer.from(aad));
    decipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
}
