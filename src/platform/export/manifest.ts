/**
 * What an export is: a folder with a file for each table and `manifest.json`, which says how many rows
 * each has and the SHA-256 of its bytes. A JSON Lines file leaves out tenant_id and is ordered by the
 * table's key, so that equal content is equal bytes, in whichever tenant it stands.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

export const MANIFEST = 'manifest.json';

/** The export or its target cannot be used. The message says what is wrong and what to do. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

const NAME = /^[a-z_][a-z0-9_]*$/;
const fileSchema = z.object({
  // No path: whoever made the manifest must not lead us out of its folder.
  name: z.string().regex(/^[a-z0-9_]+\.(jsonl|csv)$/),
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const manifestSchema = z.object({
  format: z.literal('cloister-export'),
  version: z.literal(1),
  createdAt: z.iso.datetime(),
  tenant: z.object({ id: z.uuid(), slug: z.string(), name: z.string() }),
  schemaVersion: z.string(),
  /** Whether password hashes and sealed values are included. */
  withSecrets: z.boolean(),
  /** In the order in which they are to be written. */
  tables: z.array(
    z.object({
      name: z.string().regex(NAME),
      columns: z.array(z.string().regex(NAME)).min(1),
      rows: z.number().int().min(0),
      jsonl: fileSchema,
      csv: fileSchema.optional(),
    }),
  ),
  omitted: z.array(z.object({ table: z.string(), because: z.string() })),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ExportedTable = Manifest['tables'][number];
export type ExportedFile = z.infer<typeof fileSchema>;

export interface ReadManifest {
  readonly manifest: Manifest;
  /** SHA-256 of the manifest, which stands for all that it vouches for. */
  readonly fingerprint: string;
}

/** @throws ExportError */
export async function readManifest(folder: string): Promise<ReadManifest> {
  const text = await readFile(join(folder, MANIFEST)).catch((error: unknown) => {
    throw new ExportError(
      `Expected an export in "${folder}", but its ${MANIFEST} cannot be read (${String((error as NodeJS.ErrnoException).code)}).`,
    );
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString());
  } catch {
    throw new ExportError(
      `Expected JSON in ${MANIFEST}, but it does not parse: take the export anew.`,
    );
  }
  const result = manifestSchema.safeParse(parsed);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ExportError(
      `Expected a manifest of a cloister export, but ${issue?.path.join('.') ?? ''} is not right: ${issue?.message ?? ''}.`,
    );
  }
  return { manifest: result.data, fingerprint: createHash('sha256').update(text).digest('hex') };
}

/** @throws ExportError when a file is not the one that the manifest vouches for. */
export async function verifyFiles(folder: string, { tables }: Manifest): Promise<void> {
  for (const { jsonl, csv } of tables) {
    for (const file of csv === undefined ? [jsonl] : [jsonl, csv]) {
      const found = await hashFile(join(folder, file.name));
      if (found?.sha256 === file.sha256 && found.bytes === file.bytes) continue;
      throw new ExportError(
        found === undefined
          ? `Expected the file ${file.name} beside the manifest, but it is missing: copy the whole folder.`
          : `Expected ${file.name} as the manifest describes it, but its bytes are others: it was changed or cut. Take another copy.`,
      );
    }
  }
}

async function hashFile(path: string): Promise<{ sha256: string; bytes: number } | undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return { sha256: hash.digest('hex'), bytes };
}
