/**
 * Request bodies: JSON in UTF-8, plain or compressed, and nothing else. The size limit counts
 * decompressed bytes. Fastify counts them too, but would let the rest of a bomb decompress into
 * nothing; here it is dropped at the chunk that exceeds the limit.
 */
import type { FastifyInstance } from 'fastify';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { HttpError, badRequest } from '../http-error';

const DECOMPRESSORS = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

const bodyTooLarge = (limitBytes: number): HttpError =>
  new HttpError(413, `The body is larger than ${limitBytes} bytes: ask for less at once.`);

export function registerRequestBody(app: FastifyInstance, limitBytes: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.headers['content-type'] ?? '');
    if (charset?.[1] && !/^utf-?8$/i.test(charset[1])) {
      done(new HttpError(415, 'Expected the body in UTF-8: leave the charset out or say utf-8.'));
      return;
    }
    try {
      done(null, JSON.parse(body as string));
    } catch {
      // The parser's own message quotes the body.
      done(badRequest('Expected a JSON body, but it cannot be parsed as JSON.'));
    }
  });
  app.addContentTypeParser('*', (request, payload, done) => {
    payload.resume();
    done(badRequest('Expected a body with content-type application/json.'));
  });

  app.addHook('preParsing', (request, _reply, payload, done) => {
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (encoding === 'identity') {
      done(null, payload);
    } else if (Object.hasOwn(DECOMPRESSORS, encoding)) {
      done(null, decompress(payload, encoding as keyof typeof DECOMPRESSORS, limitBytes));
    } else {
      const accepted = { 'accept-encoding': Object.keys(DECOMPRESSORS).join(', ') };
      done(
        new HttpError(415, 'Expected content-encoding gzip, deflate, br or none.', accepted),
        payload,
      );
    }
  });
}

function decompress(
  payload: Readable,
  encoding: keyof typeof DECOMPRESSORS,
  limitBytes: number,
): Readable {
  const decompressor = DECOMPRESSORS[encoding]();
  let decompressedBytes = 0;
  const bounded = Object.assign(
    new Transform({
      transform(chunk: Buffer, _encoding, callback) {
        decompressedBytes += chunk.length;
        if (decompressedBytes <= limitBytes) {
          callback(null, chunk);
          return;
        }
        // The request itself must live on, or there would be no socket left to answer on.
        payload.unpipe(decompressor);
        payload.resume();
        decompressor.destroy();
        callback(bodyTooLarge(limitBytes));
      },
    }),
    // Fastify compares it with Content-Length.
    { receivedEncodedLength: 0 },
  );
  payload.on('data', (chunk: Buffer) => {
    bounded.receivedEncodedLength += chunk.length;
  });
  payload.once('error', (error) => decompressor.destroy(error));
  decompressor.once('error', () =>
    bounded.destroy(badRequest(`Expected a body compressed as ${encoding}, but it is corrupt.`)),
  );
  return payload.pipe(decompressor).pipe(bounded);
}
