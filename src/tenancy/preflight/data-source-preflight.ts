/**
 * Looks at a database before anything of it is stored: can it be reached, is it fit to serve from,
 * and what to run where it is not. Changes nothing there.
 *
 * The server may be anybody's. What it sends is bounded in time and length, its own words are not
 * repeated but for names and settings cut to size, and a password is struck out wherever it shows.
 */
import { AddressRefused } from '../../database/address-guard';
import { describeConnectionFault } from '../../database/connection-fault';
import { ConnectionUrlError, type ConnectionSettings } from '../../database/connection-url';
import { withClient } from '../../database/with-client';
import { SECOND } from '../../lib/duration';
import { parseDataSourceUrl } from '../data-source-url';
import type { Placement } from '../registry.store';
import type { Tenancy } from '../tenancy';
import { carriesNamedStatements } from './named-statements';
import { findPreflightFacts, type PreflightFacts } from './preflight-facts';
import {
  passed,
  PREFLIGHT_CHECKS,
  type PreflightCheck,
  type PreflightFinding,
} from './preflight-finding';
import { judgeServer } from './preflight-findings';

export interface PreflightSpec {
  readonly placement: Placement;
  /** Of the role that is to serve requests. */
  readonly url: string;
  /** Of the role that is to migrate; absent where the customer does. */
  readonly migrationUrl?: string;
  /** Connections that each server process may open (default 10). */
  readonly poolMax?: number;
}

export interface PreflightReport {
  /** Nothing failed; there may be warnings. */
  readonly ok: boolean;
  /** In a fixed order; those of a server only when it was reached. */
  readonly findings: readonly PreflightFinding[];
  /** What it said of itself; null when it was not reached. */
  readonly server: PreflightFacts | null;
  /** With which settings it is to be enrolled; null when it was not reached. */
  readonly settings: {
    readonly namedStatements: boolean;
    readonly sessionStyle: 'direct' | 'distributed';
  } | null;
}

const DEFAULT_POOL_MAX = 10;
/** A server that accepts and says nothing is out of reach after this, and so is one that never ends. */
const WITHIN_MS = 2.8 * SECOND;
const MAX_REPLY_BYTES = 65_536;

/** Never throws. */
export async function dataSourcePreflight(
  { addressGuard }: Pick<Tenancy, 'addressGuard'>,
  spec: PreflightSpec,
): Promise<PreflightReport> {
  const { placement, url, migrationUrl, poolMax = DEFAULT_POOL_MAX } = spec;
  const read = (raw: string): ConnectionSettings => {
    const settings = parseDataSourceUrl(raw, placement, addressGuard);
    settings.guard?.assertHost(settings.host);
    return settings;
  };
  let at: 'url' | 'migrationUrl' = 'url';
  let reading: PreflightCheck = 'url';
  const secrets: string[] = [];
  try {
    const app = read(url);
    secrets.push(app.password);
    at = 'migrationUrl';
    const owner = migrationUrl === undefined ? undefined : read(migrationUrl);
    if (owner !== undefined) secrets.push(owner.password);

    [reading, at] = ['connect', 'url'];
    const appFacts = await look(app);
    at = 'migrationUrl';
    const ownerFacts = owner === undefined ? undefined : await look(owner);
    const namedStatements = appFacts.viaPooler ? await carriesNamedStatements(app) : true;
    const findings = judgeServer({
      app: appFacts,
      owner: ownerFacts,
      namedStatements,
      verifiesCertificate: app.tls === 'verify-full',
      poolMax,
    });
    return withoutSecrets(secrets, {
      ok: findings.every(({ status }) => status !== 'failed'),
      findings: inOrder([passed('url', 'well formed'), passed('connect', 'reached'), ...findings]),
      server: appFacts,
      settings: {
        namedStatements: namedStatements === true,
        sessionStyle: appFacts.extensions.includes('citus') ? 'distributed' : 'direct',
      },
    });
  } catch (error) {
    const earlier = reading === 'connect' ? [passed('url', 'well formed')] : [];
    const findings = [...earlier, faultOf(error, reading, at)];
    return withoutSecrets(secrets, { ok: false, findings, server: null, settings: null });
  }
}

const look = (settings: ConnectionSettings): Promise<PreflightFacts> =>
  withClient(
    settings,
    {
      applicationName: 'cloister-preflight',
      withinMs: WITHIN_MS,
      maxReplyBytes: MAX_REPLY_BYTES,
    },
    findPreflightFacts,
  );

function faultOf(
  error: unknown,
  check: PreflightCheck,
  at: 'url' | 'migrationUrl',
): PreflightFinding {
  const whose = at === 'url' ? 'URL of the run-time role' : 'URL of the owner';
  const failed = (which: PreflightCheck, detail: string, remedy: string): PreflightFinding => ({
    check: which,
    status: 'failed',
    detail: `${whose}: ${detail}`,
    remedy,
    sql: null,
  });
  if (error instanceof ConnectionUrlError) return failed('url', error.message, 'Correct the URL.');
  if (error instanceof AddressRefused) {
    return failed(check, describeConnectionFault(error), error.message);
  }
  return failed(
    check,
    describeConnectionFault(error),
    'Check the host, the port, the password and that the server lets this machine in.',
  );
}

const inOrder = (findings: readonly PreflightFinding[]): PreflightFinding[] =>
  [...findings].sort(
    (a, b) => PREFLIGHT_CHECKS.indexOf(a.check) - PREFLIGHT_CHECKS.indexOf(b.check),
  );

/** A shorter one stands in ordinary words by chance. */
const SHORTEST_SECRET = 4;

function withoutSecrets(secrets: readonly string[], report: PreflightReport): PreflightReport {
  const hidden = secrets.filter(({ length }) => length >= SHORTEST_SECRET);
  const strike = (key: string, value: unknown): unknown =>
    typeof value === 'string' && key !== 'check' && key !== 'status'
      ? hidden.reduce((text, secret) => text.replaceAll(secret, '(hidden)'), value)
      : value;
  return JSON.parse(JSON.stringify(report, strike)) as PreflightReport;
}
