/**
 * Whether a pooler carries prepared statements from one transaction to the next. PgBouncer before
 * 1.21 does not, in transaction mode: the statement stays on the server connection it was made on.
 *
 * So one client prepares, another takes the server connections away into transactions of their own,
 * and the first uses its statement again.
 */
import type pg from 'pg';
import type { ConnectionSettings } from '../../database/connection-url';
import { withClient } from '../../database/with-client';

const WITHIN_MS = 3000;
const HOLD_MS = 300;
const STATEMENT = { name: 'cloister_preflight', text: 'select 1' };
const OTHERS = 3;

/** @returns undefined when it could not be found out. */
export async function carriesNamedStatements(
  settings: ConnectionSettings,
): Promise<boolean | undefined> {
  const options = { applicationName: 'cloister-preflight', withinMs: WITHIN_MS };
  try {
    return await withClient(settings, options, async (client) => {
      await client.query(STATEMENT);
      const others = Array.from({ length: OTHERS }, () =>
        withClient(settings, options, holdServerConnection).catch(() => undefined),
      );
      await pause(HOLD_MS / 3);
      const works = await usesItAgain(client);
      await Promise.all(others);
      return works;
    });
  } catch {
    // Whatever else is wrong with the connection is found, and told, elsewhere.
    return undefined;
  }
}

async function holdServerConnection(client: pg.Client): Promise<void> {
  await client.query('begin');
  await client.query('select 1');
  await pause(HOLD_MS);
  await client.query('rollback');
}

const NO_SUCH_STATEMENT = '26000';
const DUPLICATE_STATEMENT = '42P05';

async function usesItAgain(client: pg.Client): Promise<boolean> {
  try {
    for (let n = 0; n < 5; n += 1) await client.query(STATEMENT);
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === NO_SUCH_STATEMENT || code === DUPLICATE_STATEMENT) return false;
    throw error;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
