/**
 * A rotation with new data keys that is killed on the way: `node -r typescript.register.cjs
 * rotation.process.ts <step>`, with the variables of an installation. It dies by SIGKILL when the
 * first batch of that step is done, so that nothing is tidied up.
 */
import { createConfig, readEnvironment } from '../../src/config';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { rotateKeys } from '../../src/tenancy/secrets/rotate-keys';
import { createTenancy } from '../../src/tenancy/tenancy';

const [, , step = ''] = process.argv;
const config = createConfig(readEnvironment());
void rotateKeys(createTenancy(config, { listen: false }), parseConnectionUrl(config.registry.url), {
  renewDataKeys: true,
  batchSize: 10,
  onProgress: (progress) => {
    if (progress.step === step) process.kill(process.pid, 'SIGKILL');
  },
});
