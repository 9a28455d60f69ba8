import type { WorkingTenant } from '../fleet';
import type { ServerGroup } from '../server-group';
import { drive, mixedQuestion, questionOf } from '../traffic';
import { randomFrom } from '../zipf';
import type { PartContext } from './part';

const CONNECTIONS = 8;

/** Until the code of a fresh process is compiled: what is measured then is not its first steps. */
export async function practise(
  { fleet, options, signal }: PartContext,
  servers: ServerGroup,
  tenants: readonly WorkingTenant[],
  connections = CONNECTIONS,
): Promise<void> {
  const random = randomFrom(7);
  const requests = Array.from({ length: 50 }, (_, serial) =>
    tenants.map((tenant) => questionOf(fleet, tenant, mixedQuestion(random()), serial)),
  ).flat();
  await drive({
    ports: servers.ports,
    requests,
    connections: connections * servers.ports.length,
    seconds: options.quick ? 1 : 4,
    signal,
  });
}
