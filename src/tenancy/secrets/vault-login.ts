/** The token for Vault: one that was given, or one got by AppRole and got anew before it ends. */
import { SECOND } from '../../lib/duration';
import { SingleFlight } from '../../lib/single-flight';
import { KeyProviderError } from './key-provider';
import type { VaultPost } from './vault-post';

export type VaultCredentials =
  { readonly token: string } | { readonly roleId: string; readonly secretId: string };

/** Share of a token's life after which the next one is asked for. */
const USED_SHARE = 2 / 3;

export function createVaultLogin(credentials: VaultCredentials, post: VaultPost) {
  const flights = new SingleFlight<'login', string>();
  let held: { readonly token: string; readonly until: number } | undefined;

  return {
    /** @throws KeyProviderError. */
    async token(): Promise<string> {
      if ('token' in credentials) return credentials.token;
      if (held !== undefined && performance.now() < held.until) return held.token;
      const { roleId, secretId } = credentials;
      return flights.run('login', async () => {
        const { status, auth } = await post('auth/approle/login', {
          role_id: roleId,
          secret_id: secretId,
        });
        const { client_token: token, lease_duration: seconds } = auth;
        if (typeof token !== 'string' || typeof seconds !== 'number') {
          throw new KeyProviderError(`Vault answered ${status} to the log-in by AppRole.`);
        }
        // No duration: it does not end.
        const lifeMs = seconds === 0 ? Infinity : seconds * SECOND * USED_SHARE;
        held = { token, until: performance.now() + lifeMs };
        return token;
      });
    },
    /** The token was refused, perhaps revoked. @returns whether another one can be got. */
    renew(): boolean {
      held = undefined;
      return !('token' in credentials);
    },
  };
}
