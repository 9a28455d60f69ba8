/** `cloister start`: the order of boot, and the signals. No logic. */
import { resolve } from 'node:path';
import { createApplication, type Application } from './application';
import { parseTokenKeys } from './auth/token-keys';
import { bringUpEmbedded } from './bring-up-embedded';
import { createConfig, readEnvironment, type Environment } from './config';
import { parseConnectionUrl } from './database/connection-url';
import { assertRegistryIsCurrent } from './database/schema-state';
import { prepareEmbedded } from './embedded/embedded-settings';
import { createLogger } from './server/logger';
import { parseKeyring } from './tenancy/secrets/keyring';

export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

type Say = (line: string) => void;

export interface StartOptions {
  readonly variables?: NodeJS.ProcessEnv;
  /** Aborted while it starts: what is up already is stopped, and the reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * @throws ConfigError, EmbeddedPostgresError, ListenError: their messages are for the operator as
 *   they are.
 */
export async function start(say: Say, { variables, signal }: StartOptions = {}): Promise<Running> {
  const environment = readEnvironment(variables);
  assertKeysAreKeys(environment);
  const embedded =
    environment.REGISTRY_URL === undefined
      ? await prepareEmbedded(resolve(environment.CLOISTER_HOME), { log: say })
      : undefined;
  let application: Application | undefined;
  const stop = async (): Promise<void> => {
    await application?.close();
    await embedded?.postgres.stop();
  };
  try {
    signal?.throwIfAborted();
    const config = createConfig(environment, embedded?.settings);
    if (embedded !== undefined) await bringUpEmbedded(config, embedded, say);
    else await assertRegistryIsCurrent(parseConnectionUrl(config.registry.url));
    signal?.throwIfAborted();
    application = await createApplication({
      config,
      logger: createLogger(config.logLevel),
      demo: embedded !== undefined,
    });
    signal?.throwIfAborted();
    const { url } = await application.http.listen();
    const platform = await application.platformHttp?.listen();
    announce(say, { url, platformUrl: platform?.url ?? url }, environment);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Before anything is started for them. @throws KeyringError, TokenKeysError. */
function assertKeysAreKeys({ REGISTRY_KEYS, AUTH_JWT_KEYS }: Environment): void {
  if (REGISTRY_KEYS !== undefined) parseKeyring(REGISTRY_KEYS);
  if (AUTH_JWT_KEYS !== undefined) parseTokenKeys(AUTH_JWT_KEYS);
}

interface Addresses {
  readonly url: string;
  readonly platformUrl: string;
}

function announce(say: Say, { url, platformUrl }: Addresses, environment: Environment): void {
  say(`API       ${url}/graphql`);
  say(`Operators ${platformUrl}/platform/graphql`);
  say(`Explorer  ${url}/explorer`);
  if (environment.REGISTRY_URL !== undefined) return;
  say('');
  say('Demo tenants: acme and globex (one shared database), initech (a database of its own),');
  say('hooli (its own server, as a customer would bring it). In each of them');
  say('  admin@<tenant>.test, member@<tenant>.test, reader@<tenant>.test');
  say('and agency@example.test in acme and initech; operator@cloister.test runs the platform.');
  say('Password of all: correct-horse-battery');
  if (environment.NODE_ENV !== 'production') return;
  say('Warning: this is the demo, whose password everybody knows: production sets REGISTRY_URL.');
}
