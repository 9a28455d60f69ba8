/**
 * Serves the GraphQL explorer: one page and its bundled assets, all from this server.
 *
 * The page asks nothing of any other host, and its Content-Security-Policy would not let it. The
 * bundle is made by `build.mjs`; a server without it says so at /explorer and serves the API as ever.
 */
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderPage } from './explorer.page';
import type { PageAssets } from './explorer.page';

export interface ExplorerOptions {
  /** Path of the GraphQL API on this server, such as `/graphql`. */
  readonly graphqlPath: string;
  /** Whether the demo's users exist: the page then offers them, with their public password. */
  readonly demo: boolean;
  /** Where to look for the bundle; by default where `build.mjs` puts it. */
  readonly bundleDirectories?: readonly string[];
}

export const EXPLORER_PATH = '/explorer';

/**
 * Styles may be inline because Monaco writes its own at run time and knows no nonce; scripts may not.
 * `form-action 'none'`: should the script fail, a password must not end up in a URL.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The bundle's place, dist/explorer, as seen from the sources and from the compiled server. */
const BUNDLE_DIRECTORIES = ['../../../dist/explorer', '../../../explorer'].map((directory) =>
  join(__dirname, directory),
);

const NOT_BUILT =
  'The explorer is not built: run `npm run build:explorer` and start again. The GraphQL API works without it.';

function setPageHeaders(reply: FastifyReply): FastifyReply {
  return reply
    .header('content-security-policy', CONTENT_SECURITY_POLICY)
    .header('cross-origin-opener-policy', 'same-origin')
    .header('referrer-policy', 'no-referrer')
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-cache');
}

/**
 * Plain names only. What else a path can hold (`..`, a NUL) would be refused while sending, as an
 * error that nobody expects.
 */
const ASSET_PATH = /^(\/\w[\w.-]*)+$/;

/** Adds `/explorer` and its assets to the server. Holds nothing that would have to be released. */
export async function registerExplorer(
  app: FastifyInstance,
  options: ExplorerOptions,
): Promise<void> {
  app.get(`${EXPLORER_PATH}/`, (_request, reply) => reply.redirect(EXPLORER_PATH, 308));

  const { bundleDirectories = BUNDLE_DIRECTORIES } = options;
  const bundle = bundleDirectories.find((directory) =>
    existsSync(join(directory, 'manifest.json')),
  );
  if (bundle === undefined) {
    app.log.warn(NOT_BUILT);
    app.get(EXPLORER_PATH, (_request, reply) =>
      reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT),
    );
    return;
  }

  const assets = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as PageAssets;
  const html = renderPage({ ...options, assets });
  app.get(EXPLORER_PATH, (_request, reply) =>
    setPageHeaders(reply).type('text/html; charset=utf-8').send(html),
  );
  await app.register(fastifyStatic, {
    root: join(bundle, 'assets'),
    prefix: `${EXPLORER_PATH}/assets/`,
    decorateReply: false,
    index: false,
    allowedPath: (path) => ASSET_PATH.test(path),
    // Names carry a hash of the content, so what was fetched once is never asked for again.
    immutable: true,
    maxAge: '365d',
    preCompressed: true,
    setHeaders: (response) => {
      response.setHeader('x-content-type-options', 'nosniff');
    },
  });
}
