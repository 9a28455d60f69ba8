/**
 * A process that exports or imports a tenant, for tests that kill it: `node -r sucrase/register
 * export-runner.ts <export|import|erase> <slug> <folder> <kill after>`. It kills itself as hard as can
 * be after so many tables (export, erase) or batches (import).
 */
import { createConfig, readEnvironment } from '../../src/config';
import { eraseTenant } from '../../src/platform/erasure/erase-tenant';
import { exportTenant } from '../../src/platform/export/export-tenant';
import { importExport } from '../../src/platform/export/import-tenant';
import { createTenancy } from '../../src/tenancy/tenancy';

const [, , what, slug = '', folder = '', killAfter] = process.argv;
let left = Number(killAfter);

function step(): void {
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}

async function run(): Promise<void> {
  const config = createConfig(readEnvironment());
  const tenancy = createTenancy(config, { listen: false });
  const tenant = await tenancy.registry.findTenantBySlug(slug);
  if (tenant === undefined) throw new Error(`Expected a tenant "${slug}".`);
  if (what === 'export') {
    await exportTenant(tenancy, tenant, { folder, csv: true, withSecrets: true, onTable: step });
  } else if (what === 'import') {
    const { emailIndexKey } = config.auth;
    await importExport({ tenancy, emailIndexKey }, tenant, { folder, onBatch: step });
  } else {
    await eraseTenant(tenancy, { tenantId: tenant.id, actor: 'test', onTable: step });
  }
}

void run();
