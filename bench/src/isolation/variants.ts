/**
 * The same server with isolation off, for the bench alone: the product has no switch for it, and
 * refuses a data source whose tables are unguarded. So a copy of it is built, and in the copy single
 * modules are put behind others that leave something out. What the others need has to be there, or
 * the copy is refused.
 */
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Exports = Readonly<Record<string, unknown>>;

export interface Variant {
  /** Module of the product by its path under `src`, and the file beside this one that wraps it. */
  readonly modules: Readonly<Record<string, string>>;
}

/** Takes data sources whose tables are unguarded. */
export const UNGUARDED: Variant = {
  modules: { 'tenancy/data-source-check.js': 'skip-guard-check.js' },
};

/** Beside that, states no tenant. */
export const UNSTATED: Variant = {
  modules: {
    ...UNGUARDED.modules,
    'database/run-statement.js': 'state-nothing-alone.js',
    'tenancy/transaction-scope.js': 'state-nothing-in-transactions.js',
  },
};

/** @param root a built cloister, which is left as it is. @returns the folder of the copy. */
export async function buildVariant(
  root: string,
  folder: string,
  { modules }: Variant,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  // The link to the packages stays one.
  await cp(root, folder, { recursive: true, verbatimSymlinks: true });
  for (const [path, wrapper] of Object.entries(modules)) {
    const file = join(folder, 'dist', 'src', path);
    const original = file.replace(/\.js$/, '.original.js');
    await rename(file, original);
    const [wrapping, wrapped] = [join(__dirname, wrapper), original].map((text) =>
      JSON.stringify(text),
    );
    await writeFile(file, `module.exports = require(${wrapping}).wrap(require(${wrapped}));\n`);
  }
  return folder;
}

/** @throws when the product has changed so that there is nothing to leave out. */
export function functionOf<F>(exports: Exports, name: string): F {
  const found = exports[name];
  if (typeof found === 'function') return found as F;
  throw new Error(
    `Expected the product to export the function ${name}, but got ${typeof found}: the variant without isolation has to follow it.`,
  );
}
