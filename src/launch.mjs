#!/usr/bin/env node
/**
 * The `cloister` command: builds what is not built yet, then runs it. A published package comes
 * built and without the tools to build, and is run as it is.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const isMissingTool = (error) =>
  error.code === 'ERR_MODULE_NOT_FOUND' && /'esbuild'/.test(error.message);

const { build } = await import('./build.mjs').catch((error) => {
  if (isMissingTool(error)) return { build: async () => undefined };
  throw error;
});
await build();
const { runCli } = require('../dist/src/cli/cli.js');
process.exitCode = await runCli(process.argv.slice(2));
