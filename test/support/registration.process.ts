/**
 * A process that registers a tenant and is killed on the way: `node -r typescript.register.cjs
 * registration.process.ts <slug> <placement> <where>`, with the variables of an installation. Where
 * is a step, `<step> done`, or a point within one; it dies by SIGKILL, so that nothing is tidied up.
 */
import { createPasswords } from '../../src/auth/passwords';
import { createConfig, readEnvironment } from '../../src/config';
import { createProvisioning } from '../../src/platform/provisioning/provisioning';
import type { Placement } from '../../src/tenancy/registry.store';
import { createTenancy } from '../../src/tenancy/tenancy';

const [, , slug = '', placement = '', where = ''] = process.argv;
const config = createConfig(readEnvironment());
const provisioning = createProvisioning({
  tenancy: createTenancy(config, { listen: false }),
  passwords: createPasswords(),
  emailIndexKey: config.auth.emailIndexKey,
  onProgress: (what) => {
    if (what === where) process.kill(process.pid, 'SIGKILL');
  },
});
void provisioning.register({
  slug,
  name: slug,
  plan: 'trial',
  placement: placement as Placement,
  admin: { name: 'Ada', email: `ada@${slug}.test`, password: 'correct-horse-battery' },
});
