/** Streams what COPY sends into a file or nowhere, with its size, hash and number of rows. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

export interface Copied {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** @param path absent: the bytes are counted and hashed, and kept nowhere. */
export async function copyOut(
  client: ClientBase,
  command: string,
  { path, signal }: { readonly path?: string; readonly signal?: AbortSignal } = {},
): Promise<Copied> {
  const source = client.query(copyTo(command));
  const hash = createHash('sha256');
  let bytes = 0;
  const measured = async function* (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  };
  // For the owner alone: it is a tenant's data.
  const target =
    path === undefined
      ? new Writable({ write: (_chunk, _encoding, done) => done() })
      : createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await pipeline(source, measured, target, ...(signal === undefined ? [] : [{ signal }]));
  return { rows: source.rowCount, bytes, sha256: hash.digest('hex') };
}
