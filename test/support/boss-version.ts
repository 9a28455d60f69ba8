/** The version of its tables that the installed pg-boss expects. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const folder = dirname(dirname(require.resolve('pg-boss')));

export const version = (
  JSON.parse(readFileSync(join(folder, 'version.json'), 'utf8')) as { schema: number }
).schema;
