import type { Jobs } from '../jobs/jobs';
import type { Provisioning } from '../provisioning/provisioning';

/** What the operators' API has done by others. */
export interface PlatformServices {
  readonly provisioning: Pick<Provisioning, 'register'>;
  readonly jobs: Pick<Jobs, 'enqueue'>;
}
