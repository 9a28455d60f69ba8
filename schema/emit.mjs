/** Writes the schemas as text beside this file: `npm run schema`. A test fails when they are stale. */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { build } from '../src/build.mjs';

await build();
const require = createRequire(import.meta.url);
const { buildCrmSchema } = require('../dist/src/crm/crm-schema.js');
const { buildPlatformSchema } = require('../dist/src/platform/api/platform-schema.js');
const { printApi } = require('../dist/src/graphql/print-api.js');

const write = async (name, schema) =>
  writeFile(new URL(name, import.meta.url), printApi(await schema));

await write('schema.graphql', buildCrmSchema());
await write('platform.graphql', buildPlatformSchema());
