/**
 * A commit of cloister in a folder of its own, ready to be started. An archive rather than a git
 * worktree: nothing is noted in the repository, so nothing can be left behind there.
 */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from './product';
import type { Progress } from './progress';

const run = promisify(execFile);

/** Stands for the working tree as it is. */
const WORKING_TREE = '.';

export interface Checkout {
  readonly label: string;
  readonly root: string;
}

export async function checkOut(
  revision: string,
  folder: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Checkout> {
  await mkdir(folder, { recursive: true });
  const label = revision === WORKING_TREE ? 'working tree' : await describe(revision);
  progress.say(`Preparing ${label}.`);
  if (revision === WORKING_TREE) await copyWorkingTree(folder);
  else await extract(revision, folder, signal);
  await providePackages(folder, progress, signal);
  await run(process.execPath, [join('src', 'build.mjs')], { cwd: folder, signal });
  return { label, root: folder };
}

/** Those installed here when they are the same, else its own. */
async function providePackages(folder: string, progress: Progress, signal: AbortSignal) {
  const lock = (root: string): Promise<string> => readFile(join(root, 'package-lock.json'), 'utf8');
  if ((await lock(folder)) !== (await lock(PROJECT_ROOT))) {
    progress.say('Its packages differ from those installed: npm ci.');
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const failure = await run('npm', args, { cwd: folder, signal }).then(
      () => undefined,
      (error: Error & { stderr?: string }) => error,
    );
    signal.throwIfAborted();
    if (failure === undefined) return;
    const reason = /npm error (?!code)(.*)/.exec(failure.stderr ?? '')?.[1] ?? failure.message;
    progress.say(`That failed (${reason}); it runs with the packages installed here.`);
    await rm(join(folder, 'node_modules'), { recursive: true, force: true });
  }
  await symlink(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'));
}

/** The commit's short name, so that tables say what was measured. */
async function describe(revision: string): Promise<string> {
  const { stdout } = await run(
    'git',
    ['rev-parse', '--short', '--verify', `${revision}^{commit}`],
    { cwd: PROJECT_ROOT },
  );
  return stdout.trim();
}

/** A copy, so that what is edited meanwhile does not change what is measured. */
async function copyWorkingTree(folder: string): Promise<void> {
  const { stdout } = await run(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: PROJECT_ROOT,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  for (const file of stdout.split('\0')) {
    // A node_modules that is a link is not covered by `node_modules/` in .gitignore.
    if (file === '' || file === 'node_modules' || file.startsWith('bench/')) continue;
    // Deleted and not committed: it is on the list and not on the disk.
    await cp(join(PROJECT_ROOT, file), join(folder, file)).catch(() => undefined);
  }
}

function extract(revision: string, folder: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const archive = spawn('git', ['archive', '--format=tar', revision], {
      cwd: PROJECT_ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      signal,
    });
    const tar = spawn('tar', ['-x', '-C', folder], {
      stdio: ['pipe', 'inherit', 'inherit'],
      signal,
    });
    archive.stdout.pipe(tar.stdin);
    archive.once('error', reject);
    tar.once('error', reject);
    tar.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`Extracting ${revision} ended with ${code}.`)),
    );
  });
}
