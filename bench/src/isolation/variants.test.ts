import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as product from '../../../src/tenancy/transaction-scope';
import { wrap as stateNothing } from './state-nothing-in-transactions';
import { buildVariant, functionOf, UNGUARDED } from './variants';

const without = stateNothing(product) as typeof product;
const scope = { localTenantId: 'a', statementTimeoutMs: 1, sessionStyle: 'direct' } as const;

it('without isolation a read states nothing', () => {
  expect(without.scopeStatements({ ...scope, mode: 'read' })).toEqual([]);
});

it('without isolation a write states what is no isolation, in a transaction and in one flight', () => {
  const [stated] = product.scopeStatements({ ...scope, mode: 'write' });
  const text = stated?.text.replace("set_config('app.tenant_id', $1, true), ", '');
  expect(text).toMatch(/^select set_config\('statement_timeout'.*app\.user_id/);
  expect(without.scopeStatements({ ...scope, mode: 'write' })[0]?.text).toBe(text);
  expect(without.scopeInOneFlight({ ...scope, mode: 'write' }).text).toBe(text);
  expect(without.SCOPES_IN_ONE_FLIGHT.map((prepared) => prepared.text)).toEqual([text]);
});

it('a variant refuses a product that has nothing to leave out', () => {
  expect(() => stateNothing({})).toThrow(
    'Expected the product to export the function scopeStatements',
  );
  const changed = stateNothing({ ...product, scopeStatements: () => [{ text: 'set local x' }] });
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
