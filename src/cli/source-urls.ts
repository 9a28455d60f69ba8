/** The two URLs of a data source: from variables or asked for, and never shown. */
import { readCommandSecrets } from '../config';
import { secretFrom, type Prompt } from './prompt';

export interface SourceUrls {
  readonly url: string;
  /** Of the owner; absent where none was given. */
  readonly migrationUrl?: string;
}

/** @param withoutOwner what is done where the owner's is left empty, for the question. */
export async function readSourceUrls(prompt: Prompt, withoutOwner: string): Promise<SourceUrls> {
  const { sourceUrl, sourceMigrationUrl } = readCommandSecrets();
  const url = await secretFrom(sourceUrl, 'URL of the run-time role (not shown): ', prompt);
  const migrationUrl = await secretFrom(
    // Where one is given by variable, the other is not waited for.
    sourceMigrationUrl ?? (sourceUrl === undefined ? undefined : ''),
    `URL of the owner (not shown; empty ${withoutOwner}): `,
    prompt,
  );
  return { url, ...(migrationUrl === '' ? {} : { migrationUrl }) };
}
