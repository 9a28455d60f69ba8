/** Runs `cloister <args>` in this process, with its output caught. */
import { runCli } from '../../src/cli/cli';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function cloister(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  onOutput: () => void = () => undefined,
): Promise<CliResult> {
  const before = { ...process.env };
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((chunk: string | Uint8Array) => {
      said[name] += chunk.toString();
      if (name === 'stdout') onOutput();
      return true;
    }),
  );
  Object.assign(process.env, environment);
  try {
    return { exitCode: await runCli(args), ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    for (const name of Object.keys(environment)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

/** The variables of an installation whose registry is `registry`, as `testConfig` sets them. */
export function cliEnvironment(
  registry: { readonly appUrl: string; readonly ownerUrl: string },
  keys = `t1:${'0123456789abcdef'.repeat(4)}`,
): Record<string, string> {
  const secret = 'a-secret-of-the-tests-of-at-least-32-bytes';
  return {
    REGISTRY_URL: registry.appUrl,
    REGISTRY_MIGRATION_URL: registry.ownerUrl,
    REGISTRY_KEYS: keys,
    BYO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    AUTH_JWT_KEYS: `j1:${secret}`,
    EMAIL_INDEX_KEY: secret,
    CURSOR_KEY: secret,
  };
}
