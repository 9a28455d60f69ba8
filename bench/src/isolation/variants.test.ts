import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wrap as stateNothing } from './state-nothing-in-transactions';
import { buildVariant, functionOf, UNGUARDED } from './variants';

const scopes = stateNothing({
  scopeStatements: () => [
    {
      name: 'scope',
      text: "select set_config('app.tenant_id', $1, true), set_config('statement_timeout', $2, true)",
    },
  ],
});
const scopeStatements = functionOf<
  (scope: { mode: string }) => readonly { readonly text: string }[]
>(scopes, 'scopeStatements');

it('without isolation a read states nothing', () => {
  expect(scopeStatements({ mode: 'read' })).toEqual([]);
});

it('without isolation a write states what is no isolation', () => {
  expect(scopeStatements({ mode: 'write' })[0]?.text).toBe(
    "select set_config('statement_timeout', $2, true)",
  );
});

it('a variant refuses a product that has nothing to leave out', () => {
  expect(() => stateNothing({})).toThrow(
    'Expected the product to export the function scopeStatements',
  );
  const changed = stateNothing({ scopeStatements: () => [{ text: 'set local x' }] });
  const changedScopes = functionOf<(scope: { mode: string }) => unknown>(
    changed,
    'scopeStatements',
  );
  expect(() => changedScopes({ mode: 'write' })).toThrow(
    'Expected a statement that states the tenant',
  );
});

it('a variant is a copy in which a module stands behind another, and the original is left alone', async () => {
  const home = await mkdtemp(join(tmpdir(), 'variants-'));
  try {
    const [root, folder] = [join(home, 'root'), join(home, 'copy')];
    const path = join('dist', 'src', 'tenancy', 'data-source-check.js');
    await mkdir(join(root, 'dist', 'src', 'tenancy'), { recursive: true });
    await writeFile(join(root, path), 'exports.original = true;');
    await buildVariant(root, folder, UNGUARDED);
    expect(await readFile(join(root, path), 'utf8')).toBe('exports.original = true;');
    expect(await readFile(join(folder, path), 'utf8')).toMatch(/skip-guard-check.*original/);
    await expect(
      buildVariant(join(home, 'absent'), join(home, 'other'), UNGUARDED),
    ).rejects.toThrow('ENOENT');
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
