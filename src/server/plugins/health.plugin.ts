/**
 * `/healthz` says that the process runs and asks nobody, so that a database that is down restarts
 * no server; `/readyz` says whether it should get traffic.
 */
import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** State by dependency, in words that hold no address and no secret. */
  readonly checks: Record<string, string>;
}

export interface HealthOptions {
  readonly readiness: () => Promise<Readiness>;
  readonly isDraining: () => boolean;
}

export function registerHealth(app: FastifyInstance, options: HealthOptions): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    void reply.header('cache-control', 'no-store');
    if (options.isDraining()) {
      return reply.code(503).send({ ready: false, checks: { server: 'draining' } });
    }
    const { ready, checks } = await options.readiness();
    return reply.code(ready ? 200 : 503).send({ ready, checks });
  });
}
