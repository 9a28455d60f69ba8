/** What a peer is told by the bench, and how it finds its tenant. */
import type { IncomingHttpHeaders } from 'node:http';
import type { PoolConfig } from 'pg';

export interface PeerSettings {
  readonly port: number;
  readonly databaseUrl: string;
  readonly poolSize: number;
}

export function readPeerSettings(): PeerSettings {
  const get = (name: string): string => {
    const value = process.env[name];
    if (value === undefined)
      throw new Error(`Expected ${name}: this server is started by the bench.`);
    return value;
  };
  // The bench may be killed without a word: then so are its servers.
  process.on('disconnect', () => process.exit(0));
  return {
    port: Number(get('PORT')),
    databaseUrl: get('DATABASE_URL'),
    poolSize: Number(get('POOL_SIZE')),
  };
}

export const poolConfig = ({ databaseUrl, poolSize }: PeerSettings): PoolConfig => ({
  connectionString: databaseUrl,
  max: poolSize,
});

/** Peers are told the tenant in a header and spared the token that cloister verifies. */
export function tenantOf(headers: IncomingHttpHeaders): string {
  const tenant = headers['x-tenant-id'];
  if (typeof tenant !== 'string') throw new Error('Expected the header x-tenant-id.');
  return tenant;
}
