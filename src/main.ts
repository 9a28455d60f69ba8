/** `cloister start`: the order of boot, and the signals. No logic. */
import { resolve } from 'node:path';
import { createApplication, type Application } from './application';
import { bringUpEmbedded } from './bring-up-embedded';
import { createConfig, readEnvironment, type Environment } from './config';
import { parseConnectionUrl } from './database/connection-url';
import { assertRegistryIsCurrent } from './database/schema-state';
import { prepareEmbedded } from './embedded/embedded-settings';
import { createLogger } from './server/logger';

export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

type Say = (line: string) => void;

/** @throws ConfigError, EmbeddedPostgresError: their messages are for the operator as they are. */
export async function start(say: Say, variables?: NodeJS.ProcessEnv): Promise<Running> {
  const environment = readEnvironment(variables);
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
    const config = createConfig(environment, embedded?.settings);
    if (embedded !== undefined) await bringUpEmbedded(config, embedded, say);
    else await assertRegistryIsCurrent(parseConnectionUrl(config.registry.url));
    application = await createApplication({
      config,
      logger: createLogger(config.logLevel),
      demo: embedded !== undefined,
    });
    const { url } = await application.http.listen();
    announce(say, url, environment);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function announce(say: Say, url: string, environment: Environment): void {
  say(`API       ${url}/graphql`);
  say(`Explorer  ${url}/explorer`);
  if (environment.REGISTRY_URL !== undefined) return;
  say('');
  say('Demo tenants: acme and globex (one shared database), initech (a database of its own),');
  say('hooli (its own server, as a customer would bring it). In each of them');
  say('  admin@<tenant>.test, member@<tenant>.test, reader@<tenant>.test');
  say('and agency@example.test in acme and initech. Password of all: correct-horse-battery');
}
