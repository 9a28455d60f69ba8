#!/usr/bin/env node
/**
 * `npm run bench`: installs the bench's own packages at first use, builds cloister and the bench,
 * and runs it. See README.md for the options.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, readFile, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const lockfile = join(here, 'package-lock.json');
const installed = join(here, 'node_modules', '.installed-lock.json');

const read = (path) => readFile(path, 'utf8').catch(() => undefined);

async function installPackages() {
  if (existsSync(installed) && (await read(installed)) === (await read(lockfile))) return;
  console.log('Installing the packages of the bench (only when they have changed).');
  // Nothing here needs an install script, so none is run. PostGraphile's warnings that it wants a newer
  // Node are left out: it gets one.
  const args = [
    'ci',
    '--prefix',
    here,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const npm = spawn(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => {
    npm.once('error', reject);
    npm.once('exit', (status) => resolve(status ?? 1));
  });
  if (code !== 0) throw new Error(`npm ci for the bench ended with ${code}.`);
  await copyFile(lockfile, installed);
}

async function buildBench() {
  const esbuild = createRequire(join(here, 'package.json'))('esbuild');
  const folders = await Promise.all(
    ['src', 'peers'].map(async (folder) => {
      const files = await readdir(join(here, folder), { recursive: true });
      return files
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
        .map((file) => join(here, folder, file));
    }),
  );
  await rm(join(here, 'dist'), { recursive: true, force: true });
  await esbuild.build({
    entryPoints: folders.flat(),
    outdir: join(here, 'dist'),
    outbase: here,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    tsconfig: join(here, 'tsconfig.json'),
    logLevel: 'warning',
  });
}

await installPackages();
await (await import('../src/build.mjs')).build();
await buildBench();
const { main } = createRequire(import.meta.url)('./dist/src/main.js');
process.exitCode = await main(process.argv.slice(2));
