import { SILENT, type Log } from '../../lib/log';
import type { Tenancy } from '../../tenancy/tenancy';
import { listServers, openServer } from '../database-servers';
import { dropOutdatedTemplates, ensureTemplate } from './template-database';
import { withAdmin } from './tenant-database';

/**
 * Makes the templates that are not there yet, so that the first registration after an upgrade does
 * not wait for one. A server that is down is passed over: registrations there wait for it anyway.
 */
export async function prepareServers(tenancy: Tenancy, log: Log = SILENT): Promise<void> {
  for (const { id, status, name } of await listServers(tenancy)) {
    if (status !== 'active') continue;
    try {
      const { connection } = await openServer(tenancy, id);
      await withAdmin(connection, async (admin) => {
        await ensureTemplate(admin, connection);
        await dropOutdatedTemplates(admin, connection.user);
      });
    } catch (error) {
      log.warn({ server: name, err: error }, 'a database server could not be prepared');
    }
  }
}
