/**
 * A process that migrates the fleet, for tests that kill it: `node -r sucrase/register
 * fleet-runner.ts <kill after how many data sources>`, with the variables of an installation.
 */
import { createConfig, readEnvironment } from '../../src/config';
import { runFleet } from '../../src/tenancy/fleet-run';
import { createTenancy } from '../../src/tenancy/tenancy';

const killAfter = Number(process.argv[2]);

async function run(): Promise<void> {
  const config = createConfig(readEnvironment());
  const tenancy = createTenancy(config, { listen: false });
  const dataSources = await tenancy.registry.listDataSources();
  await runFleet(tenancy, dataSources, {
    config,
    startedBy: 'the first runner',
    parallel: 2,
    maxFailures: 0,
    onOutcome: (_outcome, { done }) => {
      if (done === killAfter) process.kill(process.pid, 'SIGKILL');
    },
  });
}

void run();
