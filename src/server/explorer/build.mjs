/**
 * Bundles the explorer's page into dist/explorer: `node src/server/explorer/build.mjs [--force]`.
 *
 * GraphiQL 5 with Monaco was weighed against GraphiQL 4 with CodeMirror. Measured here: Monaco with
 * the GraphQL and JSON languages only is 7.2 MB in all, workers and fonts included (2.2 MB
 * compressed, of which a first visit loads 1.7 MB), and bundles in 2 s on two cores. That is
 * cheap enough to take the maintained version.
 * GraphiQL's own `setup-workers/*` are not used: they know Vite, webpack and a CDN, not esbuild.
 *
 * Nothing is fetched, neither here nor by what is built. esbuild's program is an optional dependency
 * of its package, so this works where npm runs no install scripts. What was built from the same
 * inputs is left alone; the check takes milliseconds, so every start may call this.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const page = join(here, 'page');
const output = join(root, 'dist/explorer');
const manifestFile = join(output, 'manifest.json');
const require = createRequire(import.meta.url);

/** Where the server mounts the assets; the bundle refers to its fonts and workers by it. */
const PUBLIC_PATH = '/explorer/assets/';

/** What ends up in the bundle, or makes it: another version of one of them is another bundle. */
const PACKAGES = [
  'esbuild',
  'graphiql',
  '@graphiql/react',
  '@graphiql/plugin-doc-explorer',
  '@graphiql/plugin-history',
  'graphql',
  'monaco-editor',
  'monaco-graphql',
  'react',
  'react-dom',
];

/** Workers by the label Monaco asks for them with; `editor` serves every other label. */
const WORKERS = {
  editor: require.resolve('monaco-editor/esm/vs/editor/editor.worker.js'),
  graphql: require.resolve('monaco-graphql/esm/graphql.worker.js'),
  json: require.resolve('monaco-editor/esm/vs/language/json/json.worker.js'),
};

/** A hash over the sources and the versions of the packages: contents, since a clone has no useful mtimes. */
async function fingerprint() {
  const hash = createHash('sha256');
  const sources = (await readdir(page))
    .filter((name) => !name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(page, name));
  for (const file of [fileURLToPath(import.meta.url), ...sources]) {
    hash
      .update(basename(file))
      .update('\0')
      .update(await readFile(file))
      .update('\0');
  }
  for (const name of PACKAGES) {
    const manifest = await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8');
    hash.update(`${name}@${JSON.parse(manifest).version}\0`);
  }
  return hash.digest('hex');
}

async function builtFingerprint() {
  try {
    return JSON.parse(await readFile(manifestFile, 'utf8')).fingerprint;
  } catch {
    return undefined; // never built, or interrupted: build
  }
}

/** URL of the script written for an entry point, and of the stylesheet that goes with it. */
function outputOf(metafile, entryFile) {
  const entryPoint = relative(root, entryFile).split(sep).join('/');
  const found = Object.entries(metafile.outputs).find(([, file]) => file.entryPoint === entryPoint);
  if (!found) throw new Error(`expected esbuild to write a file for ${entryPoint}, got none`);
  const [script, { cssBundle }] = found;
  const url = (file) => PUBLIC_PATH + basename(file);
  return { script: url(script), ...(cssBundle && { stylesheet: url(cssBundle) }) };
}

async function bundle(assets) {
  const { build } = await import('esbuild');
  const common = {
    absWorkingDir: root,
    bundle: true,
    minify: true,
    target: ['es2022'],
    outdir: assets,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    publicPath: PUBLIC_PATH,
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'external',
    metafile: true,
    logLevel: 'warning',
  };
  const workers = await build({
    ...common,
    format: 'iife',
    entryPoints: Object.entries(WORKERS).map(([label, file]) => ({
      in: file,
      out: `worker-${label}`,
    })),
  });
  const workerUrls = Object.fromEntries(
    Object.entries(WORKERS).map(([label, file]) => [
      label,
      outputOf(workers.metafile, file).script,
    ]),
  );
  const entry = join(page, 'main.tsx');
  const main = await build({
    ...common,
    format: 'esm',
    splitting: true,
    jsx: 'automatic',
    loader: { '.ttf': 'file' },
    define: { ...common.define, WORKER_URLS: JSON.stringify(workerUrls) },
    entryPoints: [{ in: entry, out: 'explorer' }],
  });
  return outputOf(main.metafile, entry);
}

/**
 * Removes what no page asks for: esbuild also writes a stylesheet for each lazily loaded script, but
 * nothing loads those, and the entry's own stylesheet has all of it.
 */
async function removeUnused(assets, entry) {
  for (const name of await readdir(assets)) {
    if (name.endsWith('.css') && PUBLIC_PATH + name !== entry.stylesheet) {
      await rm(join(assets, name));
    }
  }
}

/** Compressed once here instead of at each request; returns the sizes for the summary. */
async function compress(assets) {
  let bytes = 0;
  let compressedBytes = 0;
  for (const name of await readdir(assets)) {
    const content = await readFile(join(assets, name));
    bytes += content.length;
    if (!/\.(js|css)$/.test(name)) continue;
    const compressed = gzipSync(content, { level: 6 });
    compressedBytes += compressed.length;
    await writeFile(join(assets, `${name}.gz`), compressed);
  }
  return { bytes, compressedBytes };
}

async function putInPlace(built, wanted) {
  await rm(output, { recursive: true, force: true });
  try {
    await rename(built, output);
  } catch (error) {
    // Another build came between with the same result: as good as ours.
    if ((await builtFingerprint()) !== wanted) throw error;
  }
}

export async function buildExplorer() {
  const wanted = await fingerprint();
  if (!process.argv.includes('--force') && (await builtFingerprint()) === wanted) return;

  const startedAt = performance.now();
  // Built beside and renamed into place: an interrupted build leaves no half of one.
  const temporary = `${output}.${process.pid}`;
  await mkdir(join(temporary, 'assets'), { recursive: true });
  try {
    const entry = await bundle(join(temporary, 'assets'));
    await removeUnused(join(temporary, 'assets'), entry);
    const { bytes, compressedBytes } = await compress(join(temporary, 'assets'));
    const manifest = { fingerprint: wanted, ...entry };
    await writeFile(join(temporary, 'manifest.json'), JSON.stringify(manifest, null, 2));
    await putInPlace(temporary, wanted);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const megabytes = (count) => (count / 1e6).toFixed(1);
    // Not on standard output: a command that builds first may be piped into a file.
    console.error(
      `explorer: built in ${seconds} s, ${megabytes(bytes)} MB (${megabytes(compressedBytes)} MB compressed)`,
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildExplorer();
