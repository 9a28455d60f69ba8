import { randomBytes } from 'node:crypto';
import { startTestPostgres, type TestPostgres } from './postgres';

declare global {
  // Jest runs the teardown in this process and hands nothing over to it.
  var testPostgres: TestPostgres | undefined;
}

/** Starts the server of the run; the workers inherit its URL by the environment. */
export default async function globalSetup(): Promise<void> {
  process.env['CLOISTER_TEST_RUN'] = randomBytes(4).toString('hex');
  if (process.env['TEST_POSTGRES_URL'] !== undefined) return;
  // Jest ends on the spot; an exit, unlike a signal, still takes the server along.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  globalThis.testPostgres = await startTestPostgres();
  process.env['TEST_POSTGRES_URL'] = globalThis.testPostgres.url;
}
