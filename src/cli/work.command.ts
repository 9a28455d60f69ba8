import type { Command } from 'commander';
import { createBackground } from '../background';
import { createTenantPlans } from '../platform/plans/tenant-plans';
import { createProvisioning } from '../platform/provisioning/provisioning';
import { createLogger } from '../server/logger';
import { CommandFailure } from './command-failure';
import { aborted } from './interruption';
import { withTenancy } from './with-tenancy';

export function registerWork(program: Command): void {
  program
    .command('work')
    .description('Works jobs off without answering requests; SIGTERM ends it in order.')
    .action(() =>
      withTenancy(
        async ({ config, tenancy, passwords, signal, say }) => {
          if (config.jobs.concurrency === 0) {
            say('Expected JOBS_CONCURRENCY of at least 1, but got 0: nothing would be worked off.');
            throw new CommandFailure();
          }
          const logger = createLogger(config.logLevel);
          const plans = createTenantPlans(tenancy);
          const { emailIndexKey } = config.auth;
          const jobs = createBackground({
            config,
            tenancy,
            provisioning: createProvisioning({ tenancy, passwords, emailIndexKey, log: logger }),
            plans,
            logger,
          });
          jobs.start();
          say(`Working jobs off, ${config.jobs.concurrency} at once.`);
          await aborted(signal);
          await jobs.stop();
          await plans.close();
        },
        { endless: true },
      ),
    );
}
