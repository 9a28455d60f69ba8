/**
 * Passwords: what may be one, and how it is kept. Argon2id with the OWASP parameters
 * (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
 */
import { randomBytes } from 'node:crypto';
import { hash, parseOptions, verify, type ParsedHashOptions } from '@node-rs/argon2';
import { createHashingGate, type HashingGateOptions } from './hashing-gate';

const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** The library's enum is a `const enum`, absent at run time. */
const ARGON2ID = 2;
/**
 * The dearest hash that is verified. A hash names its own cost, and hashes come from data sources
 * too that belong to customers: one that asks for gigabytes would stop the server for everyone.
 */
const MOST_EXPENSIVE = { memoryCost: 65_536, timeCost: 8, parallelism: 4 } as const;

export const MIN_PASSWORD_CHARACTERS = 12;
/** Above any passphrase, and small enough that hashing it costs what a short one does. */
export const MAX_PASSWORD_BYTES = 1024;

/** Two of libuv's four threads; five hundred waiting are some five seconds of work. */
const DEFAULT_GATE: HashingGateOptions = { maxConcurrent: 2, maxWaiting: 500 };

/** Whether the text is too long to be anyone's password; asked before anything is computed from it. */
export const isOversizedPassword = (password: string): boolean =>
  // A character is at least one byte, so a megabyte is refused without being encoded first.
  password.length > MAX_PASSWORD_BYTES || Buffer.byteLength(password) > MAX_PASSWORD_BYTES;

/** Why the text cannot be a new password, to follow the field's name; undefined when it can. */
export function newPasswordFault(password: string): string | undefined {
  if (isOversizedPassword(password)) {
    return `takes at most ${MAX_PASSWORD_BYTES} bytes`;
  }
  const characters = [...password].length;
  if (characters < MIN_PASSWORD_CHARACTERS) {
    return `takes at least ${MIN_PASSWORD_CHARACTERS} characters, but got ${characters}: a few words in a row make a good one`;
  }
  return undefined;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * Whether the password fits the stored hash. Without a hash that can be used (no such user, no
   * password set) a verification is made all the same and answers false: both cost alike.
   */
  verify(storedHash: string | null | undefined, password: string): Promise<boolean>;
  /** Whether the hash was made with other parameters than today's. */
  isOutdated(storedHash: string): boolean;
}

/** Makes the hasher of a process; make one, for the gate is what bounds the work. */
export function createPasswords(gateOptions: HashingGateOptions = DEFAULT_GATE): Passwords {
  const gate = createHashingGate(gateOptions);
  const makeHash = (password: string) => gate.run(() => hash(password, PARAMETERS));

  // Made at first need, because importing must not compute; of random bytes, so that it fits nothing.
  let dummyHash: Promise<string> | undefined;
  const getDummyHash = () => {
    dummyHash ??= makeHash(randomBytes(32).toString('base64')).catch((error: unknown) => {
      dummyHash = undefined; // the gate was full: the next caller tries again
      throw error;
    });
    return dummyHash;
  };

  return {
    hash: makeHash,
    async verify(storedHash, password) {
      const usable =
        storedHash && isAffordable(readParameters(storedHash)) ? storedHash : undefined;
      const compared = usable ?? (await getDummyHash());
      const fits = await gate.run(() => verify(compared, password));
      return fits && usable !== undefined;
    },
    isOutdated(storedHash) {
      const made = readParameters(storedHash);
      return (
        made?.algorithm !== ARGON2ID ||
        made.memoryCost !== PARAMETERS.memoryCost ||
        made.timeCost !== PARAMETERS.timeCost ||
        made.parallelism !== PARAMETERS.parallelism
      );
    },
  };
}

function readParameters(storedHash: string): ParsedHashOptions | undefined {
  try {
    return parseOptions(storedHash);
  } catch {
    return undefined; // not an argon2 hash: it fits no password
  }
}

const isAffordable = (parameters: ParsedHashOptions | undefined): boolean =>
  parameters !== undefined &&
  parameters.memoryCost <= MOST_EXPENSIVE.memoryCost &&
  parameters.timeCost <= MOST_EXPENSIVE.timeCost &&
  parameters.parallelism <= MOST_EXPENSIVE.parallelism;
