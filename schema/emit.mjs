/** Writes the schemas as text beside this file: `npm run schema`. A test fails when they are stale. */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { build } from '../src/build.mjs';

await build();
const require = createRequire(import.meta.url);
const { buildCrmSchema } = require('../dist/src/crm/crm-schema.js');
const { printApi } = require('../dist/src/graphql/print-api.js');

await writeFile(new URL('schema.graphql', import.meta.url), printApi(await buildCrmSchema()));
