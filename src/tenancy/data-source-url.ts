/** What a URL must say to be a data source's, beyond being one, and where it may lead. */
import { createAddressGuard, type AddressGuard } from '../database/address-guard';
import {
  ConnectionUrlError,
  parseConnectionUrl,
  type ConnectionSettings,
} from '../database/connection-url';
import type { Placement } from './registry.store';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * A customer's server is reached over networks that are not ours, so its connection is encrypted;
 * only a server on this very machine may do without.
 * Where its host leads is judged by the guard at each connection, whoever makes it.
 * @param guard of placement byo; one that is forgotten allows public addresses only.
 * @throws ConnectionUrlError that names the fault and never the URL.
 */
export function parseDataSourceUrl(
  raw: string,
  placement: Placement,
  guard: AddressGuard = createAddressGuard(),
): ConnectionSettings {
  const settings = parseConnectionUrl(raw);
  if (placement === 'byo' && settings.tls === 'disable' && !LOOPBACK.test(settings.host)) {
    throw new ConnectionUrlError(
      'Expected an encrypted connection to a data source of placement byo, but its URL asks for none: ' +
        'add ?sslmode=verify-full, or ?sslmode=require where the certificate cannot be checked.',
    );
  }
  return placement === 'byo' ? { ...settings, guard } : settings;
}
