/** Headers that tell browsers to trust this API with nothing; a page sets its own policy over them. */
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

export async function registerSecurityHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    // Other hosts below the same domain are not ours to decide about.
    strictTransportSecurity: { includeSubDomains: false },
  });
}
