/** The Node that servers run on: the same for all, since what an engine does for one it does for each. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ServerNode {
  readonly path: string;
  /** As `process.version` has it. */
  readonly version: string;
}

const OWN: ServerNode = { path: process.execPath, version: process.version };

/** @returns the newer of the Node that runs the bench and the one among the bench's own packages. */
export function newestNode(): ServerNode {
  const folder = join(
    __dirname,
    '..',
    '..',
    'node_modules',
    `node-${process.platform}-${process.arch}`,
  );
  const path = join(folder, 'bin', 'node');
  if (!existsSync(path)) return OWN;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    version: string;
  };
  return majorOf(version) > majorOf(OWN.version) ? { path, version: `v${version}` } : OWN;
}

export const nodeOf = ({ ownNode }: { readonly ownNode: boolean }): ServerNode =>
  ownNode ? OWN : newestNode();

/** @throws Error when a server cannot run on it. */
export function assertNewEnough(name: string, { version }: ServerNode, needed: number): void {
  if (majorOf(version) >= needed) return;
  throw new Error(
    `Expected Node ${needed} or later for ${name}, but got ${version}: run the bench with a newer one, or leave ${name} out with --targets.`,
  );
}

const majorOf = (version: string): number => Number(/\d+/.exec(version)?.[0]);
