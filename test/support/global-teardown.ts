import { dropRunDatabases } from './databases';

/** Stops the run's own server; on a server given to us, removes what the run has made. */
export default async function globalTeardown(): Promise<void> {
  if (globalThis.testPostgres === undefined) return dropRunDatabases();
  // A failed test that ran in this process may have left connections, which are cut now; their
  // complaint would end the process before the server's folder is removed.
  const onCut = (error: Error) => console.error(`A test left a connection open: ${error.message}`);
  process.on('uncaughtException', onCut);
  await globalThis.testPostgres.stop();
  process.removeListener('uncaughtException', onCut);
  delete process.env['TEST_POSTGRES_URL'];
}
