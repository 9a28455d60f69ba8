/**
 * Transpiles src, migrations and seeds into dist, and bundles the explorer: `node src/build.mjs`.
 * Types are `npm run check`'s business. What was built from the same sources is left alone (by
 * content: a clone has no useful times), so that every start may call this.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { buildExplorer } from './server/explorer/build.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const FOLDERS = ['src', 'migrations', 'seeds'];

async function sources() {
  const files = await Promise.all(
    FOLDERS.map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
      return (
        entries
          .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
          .map((entry) => join(entry.parentPath, entry.name))
          // The explorer's page is bundled for the browser, not run here.
          .filter((file) => !file.includes(join('explorer', 'page')))
      );
    }),
  );
  return files.flat().sort();
}

async function fingerprint(files) {
  const hash = createHash('sha256').update(esbuild.version);
  for (const file of [join(root, 'tsconfig.json'), fileURLToPath(import.meta.url), ...files]) {
    hash
      .update(relative(root, file))
      .update('\0')
      .update(await readFile(file));
  }
  return hash.digest('hex');
}

async function transpile() {
  const files = await sources();
  const wanted = await fingerprint(files);
  const stamp = join(dist, '.sources');
  const built = await readFile(stamp, 'utf8').catch(() => undefined);
  if (built === wanted) return;
  const draft = join(dist, `.draft-${process.pid}`);
  await mkdir(draft, { recursive: true });
  await esbuild.build({
    entryPoints: files,
    outdir: draft,
    outbase: root,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'warning',
  });
  for (const folder of await readdir(draft)) {
    await rm(join(dist, folder), { recursive: true, force: true });
    await rename(join(draft, folder), join(dist, folder));
  }
  await rm(draft, { recursive: true, force: true });
  await writeFile(stamp, wanted);
}

export async function build() {
  await Promise.all([transpile(), buildExplorer()]);
  // Its helper process would otherwise live as long as the server that is started next.
  await esbuild.stop();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
