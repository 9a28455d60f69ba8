/** Jobs lie in the registry in clear, for weeks: what they carry is checked before it is stored. */
import type { JobData } from './job.port';

export class JobPayloadError extends Error {
  override readonly name = 'JobPayloadError';
}

const MAX_ENTRIES = 20;
const MAX_CHARACTERS = 200;
const NAMES_OF_SECRETS = /pass(word|phrase)|secret|token|api_?key|credential|authorization|url$/i;
/** Scheme, then user and password: a connection URL under an innocent name. */
const CREDENTIALS = /^\w+:\/\/[^/]*@/;

/** @throws JobPayloadError, which never repeats a value. */
export function assertPayload(name: string, data: JobData): void {
  const entries = Object.entries(data);
  if (entries.length > MAX_ENTRIES) {
    throw refuse(name, `at most ${MAX_ENTRIES} entries`, `${entries.length}`);
  }
  for (const [key, value] of entries) {
    if (NAMES_OF_SECRETS.test(key)) throw refuse(name, 'ids', `"${key}", the name of a secret`);
    if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
      throw refuse(name, 'strings, numbers and booleans', `something else under "${key}"`);
    }
    if (typeof value !== 'string') continue;
    if (value.length > MAX_CHARACTERS) {
      throw refuse(name, `at most ${MAX_CHARACTERS} characters`, `${value.length} under "${key}"`);
    }
    if (CREDENTIALS.test(value)) throw refuse(name, 'ids', `a URL with a login under "${key}"`);
  }
}

const refuse = (name: string, expected: string, got: string): JobPayloadError =>
  new JobPayloadError(
    `A job "${name}" carries ${expected}, but got ${got}: store it where it is sealed and pass its id.`,
  );
