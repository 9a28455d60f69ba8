/** Cross-origin access for the configured origins only; without any, browsers elsewhere get nothing. */
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { CONSISTENCY_HEADER } from '../../lib/consistency-header';
import { IDEMPOTENCY_KEY_HEADER, REPLAYED_HEADER } from '../../lib/idempotency-header';
import { HOUR, SECOND } from '../../lib/duration';

export async function registerCors(
  app: FastifyInstance,
  origins: readonly string[],
): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'apollo-require-preflight',
      'x-apollo-operation-name',
      'x-request-id',
      IDEMPOTENCY_KEY_HEADER,
      CONSISTENCY_HEADER,
    ],
    exposedHeaders: ['x-request-id', 'retry-after', REPLAYED_HEADER, CONSISTENCY_HEADER],
    maxAge: HOUR / SECOND,
    strictPreflight: false,
  });
}
