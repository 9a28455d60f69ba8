/**
 * A process that works jobs off, to be killed: `node -r sucrase/register jobs.process.ts`, configured
 * as a server is. Its one kind of job prints that it has begun and never ends.
 */
import { createConfig, readEnvironment } from '../../src/config';
import { createJobs } from '../../src/platform/jobs/jobs';
import { createLogger } from '../../src/server/logger';

const jobs = createJobs({
  config: createConfig(readEnvironment()),
  logger: createLogger('silent'),
  pollEveryMs: 50,
});
jobs.define('test.slow', async ({ data }) => {
  console.log(`began ${String(data['item'])}`);
  await new Promise(() => setInterval(() => undefined, 1000));
});
jobs.start();
