/** What must outlive a run of the embedded Postgres, in a file that only we can read. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { EmbeddedPostgresError, systemErrorCode } from './embedded-error';

const clusterState = z.object({
  superuserPassword: z.string().min(1),
  port: z.number().int().min(1).max(65_535).optional(),
});

export type ClusterState = z.infer<typeof clusterState>;

/** The state kept at `path`, or undefined before the first start. */
export async function readClusterState(path: string): Promise<ClusterState | undefined> {
  return readPrivateJson(path, clusterState);
}

export const newClusterState = (): ClusterState => ({ superuserPassword: randomPassword() });

/** A password for a role, safe in a URL as it is. */
export const randomPassword = (): string => randomBytes(24).toString('base64url');

/** Reads a file that {@link writePrivateJson} wrote; undefined when there is none. */
export async function readPrivateJson<T>(
  path: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new EmbeddedPostgresError(
      `${path} cannot be read (${systemErrorCode(error) ?? 'unknown error'}): start as the user ` +
        'who started first, or set CLOISTER_HOME to a folder of your own.',
      { cause: error },
    );
  }
  try {
    return schema.parse(JSON.parse(content));
  } catch {
    // Without the cause: it would repeat parts of a file that holds secrets.
    throw new EmbeddedPostgresError(
      `${path} is damaged: bring back a good copy, or remove its folder to start afresh.`,
    );
  }
}

/** Replaces the file as a whole, so that a reader never sees half of it. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  const draft = `${path}.draft`;
  await writeFile(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}
