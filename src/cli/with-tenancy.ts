/**
 * What a command works with: configuration, tenancy, passwords. Without REGISTRY_URL that is the
 * embedded Postgres, the one that runs already or one started for the time of the command; with it,
 * the operator's registry. Everything is closed in order, also on Ctrl-C.
 */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPasswords, type Passwords } from '../auth/passwords';
import { awaitPreparation, bringUpEmbedded } from '../bring-up-embedded';
import { createConfig, readEnvironment, type Config, type Environment } from '../config';
import { parseConnectionUrl } from '../database/connection-url';
import { assertRegistryIsCurrent } from '../database/schema-state';
import { openEmbedded, type OpenedEmbedded } from '../embedded/embedded-attach';
import { SECOND } from '../lib/duration';
import { createTenancy, type Tenancy } from '../tenancy/tenancy';
import { Interrupted, onInterrupt, onReaderGone, ReaderGone } from './interruption';

export interface CommandContext {
  readonly config: Config;
  readonly tenancy: Tenancy;
  /** The one hasher of the process. */
  readonly passwords: Passwords;
  /** Writes a line to the terminal. */
  readonly say: (line: string) => void;
  /** True without REGISTRY_URL. */
  readonly embedded: boolean;
  /** Aborted by Ctrl-C and SIGTERM: finish what must not be left half done, then return or throw. */
  readonly signal: AbortSignal;
}

export interface WithTenancyOptions {
  /** False for commands that work on a registry whose schema is not current, such as `migrate`. */
  readonly current?: boolean;
  /** For a command that works until it is interrupted: that is its end and no failure. */
  readonly endless?: boolean;
  readonly say?: (line: string) => void;
  readonly variables?: NodeJS.ProcessEnv;
}

/** How long interrupted work may take to come to an end of its own. */
const FINISH_WITHIN_MS = 10 * SECOND;
const CLOSE_WITHIN_MS = 5 * SECOND;
/** From a server that accepts connections to the lock that says it is being prepared. */
const PREPARED_WITHIN_MS = 10 * SECOND;
const POLL_MS = 100;

const sayToStdout = (line: string): void => void process.stdout.write(`${line}\n`);
/** Apart from a command's answer, which may be piped on. */
const sayToStderr = (line: string): void => void process.stderr.write(`${line}\n`);

/** @throws ConfigError, EmbeddedPostgresError, MigrationError, Interrupted, and what the work throws. */
export async function withTenancy<T>(
  work: (context: CommandContext) => Promise<T>,
  { current = true, endless = false, say = sayToStdout, variables }: WithTenancyOptions = {},
): Promise<T> {
  const environment = readEnvironment(variables);
  return interruptible(async (signal) => {
    const embedded = await openIfEmbedded(environment);
    let tenancy: Tenancy | undefined;
    try {
      const config = createConfig(environment, embedded?.settings);
      if (embedded?.started === true) await bringUpEmbedded(config, embedded, sayToStderr);
      else if (current) await awaitRegistry(config, embedded !== undefined, signal);
      signal.throwIfAborted();
      tenancy = createTenancy(config, { listen: endless });
      const passwords = createPasswords();
      const working = work({
        config,
        tenancy,
        passwords,
        say,
        embedded: embedded !== undefined,
        signal,
      });
      const finishWithinMs = endless
        ? config.http.shutdownGraceMs + FINISH_WITHIN_MS
        : FINISH_WITHIN_MS;
      return await untilAborted(working, signal, finishWithinMs);
    } finally {
      // Bounded: an interrupted command may leave a connection that nobody gives back.
      await within(CLOSE_WITHIN_MS, tenancy?.close()).finally(() => embedded?.close());
    }
  }, endless);
}

async function openIfEmbedded(environment: Environment): Promise<OpenedEmbedded | undefined> {
  if (environment.REGISTRY_URL !== undefined) return undefined;
  return openEmbedded(resolve(environment.CLOISTER_HOME), { log: sayToStderr });
}

/** A server that another process has just started may still be at its migrations and its demo. */
async function awaitRegistry(
  config: Config,
  embedded: boolean,
  signal: AbortSignal,
): Promise<void> {
  const connection = parseConnectionUrl(config.registry.url);
  const deadline = Date.now() + (embedded ? PREPARED_WITHIN_MS : 0);
  for (;;) {
    try {
      if (embedded) await awaitPreparation(config);
      return await assertRegistryIsCurrent(connection);
    } catch (error) {
      signal.throwIfAborted();
      if (Date.now() >= deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

/** Runs work that a signal asks to end; a second signal ends the process, as its sender expects. */
async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  endless: boolean,
): Promise<T> {
  const controller = new AbortController();
  const release = onInterrupt(() =>
    controller.abort(new Interrupted('Interrupted: what was finished is kept.')),
  );
  const stopListening = onReaderGone(() =>
    controller.abort(new ReaderGone('Nobody reads the answer any more.')),
  );
  try {
    const result = await work(controller.signal);
    if (!endless) controller.signal.throwIfAborted();
    return result;
  } catch (error) {
    // Whatever failed after the interruption failed because of it.
    throw controller.signal.aborted && !endless ? controller.signal.reason : error;
  } finally {
    release();
    stopListening();
  }
}

async function untilAborted<T>(
  working: Promise<T>,
  signal: AbortSignal,
  finishWithinMs: number,
): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      setTimeout(() => reject(signal.reason as Error), finishWithinMs).unref();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([working, late]);
}

async function within(limitMs: number, work: Promise<void> | undefined): Promise<void> {
  if (work === undefined) return;
  await Promise.race([work, delay(limitMs, undefined, { ref: false })]);
}
