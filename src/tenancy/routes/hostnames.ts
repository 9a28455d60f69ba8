/**
 * Host names of tenants. A claim gives nothing: only a name whose owner has proved it by DNS leads to
 * the tenant, and a name leads to one tenant. The proof is looked at again in rounds; who took it
 * away, or whose domain passed into other hands, loses the name.
 */
import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { AppError, badUserInput, notFound } from '../../errors';
import { keysetPages, type KeysetPagesOptions } from '../../lib/keyset-pages';
import { settleAll } from '../../lib/settle-all';
import { actingAs } from '../acting-as';
import type { Tenancy } from '../tenancy';
import { findDomainProof, proofNameOf, type ResolveTxt } from './domain-proof';
import { isBeneath, parseHostname } from './hostname';
import { createRoutesStore, type HostnameRow } from './routes.store';

export interface HostnamesDeps extends Pick<Tenancy, 'registryDb'> {
  readonly resolveTxt: ResolveTxt;
  /** Names of our own, which nobody may claim, nor what is beneath them. */
  readonly reserved: readonly string[];
}

/** What a domain's owner is to publish. */
export interface HostnameProof {
  readonly recordName: string;
  readonly recordValue: string;
}

const MAX_CLAIMS = 20;
/** Looks in a row that find the proof gone before the name is taken away. */
const CHECKS_BEFORE_LOSS = 3;
const AT_ONCE = 8;
const TOKEN_BYTES = 24;

export const proofOf = ({ hostname, verificationToken }: HostnameRow): HostnameProof => ({
  recordName: proofNameOf(hostname),
  recordValue: verificationToken,
});

const refused = (message: string): AppError => badUserInput(message, { field: 'hostname' });
const taken = (): AppError =>
  new AppError('CONFLICT', 'The name is verified by another organisation.', {
    details: { field: 'hostname' },
  });

const claimed = (text: string): string => {
  const hostname = parseHostname(text);
  if (hostname === undefined) {
    throw refused('Expected the name of a host in a domain, such as crm.example.com.');
  }
  return hostname;
};

/** Claims a name, or finds the claim that is there. @throws BAD_USER_INPUT */
export async function addHostname(
  { registryDb, reserved }: HostnamesDeps,
  { tenantId, hostname: text }: { readonly tenantId: string; readonly hostname: string },
  actor: string,
): Promise<HostnameRow> {
  const hostname = claimed(text);
  if (reserved.some((own) => hostname === own || isBeneath(hostname, own))) {
    throw refused('Expected a host name of your own, but this one is the server’s.');
  }
  return actingAs(registryDb, actor, async (_registry, trx) => {
    const store = createRoutesStore(trx);
    // One claim at a time for each tenant, or the limit could be stepped over.
    await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [
      `hostnames:${tenantId}`,
    ]);
    const known = await store.findHostname(tenantId, hostname);
    if (known !== undefined) return known;
    if ((await store.listHostnamesOf(tenantId)).length >= MAX_CLAIMS) {
      throw refused(`Expected at most ${MAX_CLAIMS} host names: remove one first.`);
    }
    await store.insertHostname({
      id: uuidv7(),
      tenantId,
      hostname,
      verificationToken: randomBytes(TOKEN_BYTES).toString('hex'),
    });
    return getHostname(store, tenantId, hostname);
  });
}

/**
 * Looks for the proof and, where it is, lets the name lead to the tenant. One that another tenant had
 * verified passes over only when the other's proof is gone from the domain.
 * @throws NOT_FOUND, BAD_USER_INPUT without a proof, CONFLICT
 */
export async function verifyHostname(
  { registryDb, resolveTxt }: HostnamesDeps,
  { tenantId, hostname: text }: { readonly tenantId: string; readonly hostname: string },
  actor: string,
): Promise<HostnameRow> {
  const hostname = parseHostname(text) ?? '';
  const claim = await getHostname(createRoutesStore(registryDb), tenantId, hostname);
  const proof = await findDomainProof(resolveTxt, hostname);
  if (proof.kind === 'unknown') {
    throw refused('The domain’s name servers did not answer: try again.');
  }
  if (!proof.tokens.has(claim.verificationToken)) {
    const { recordName } = proofOf(claim);
    throw refused(
      `Expected the claim’s token in a TXT record of ${recordName}, but it is not there.`,
    );
  }
  return actingAs(registryDb, actor, async (_registry, trx) => {
    const store = createRoutesStore(trx);
    await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`hostname:${hostname}`]);
    const holder = await store.findVerifiedHostname(hostname);
    if (holder !== undefined && holder.tenantId !== tenantId) {
      if (proof.tokens.has(holder.verificationToken)) throw taken();
      await store.updateHostname(holder.id, { verifiedAt: null, failedChecks: 0 });
    }
    // Removed since it was looked at: nothing is verified then, and that is told.
    const current = await getHostname(store, tenantId, hostname);
    const verifiedAt = current.verifiedAt ?? new Date();
    await store.updateHostname(current.id, { verifiedAt, failedChecks: 0 });
    return { ...current, verifiedAt, failedChecks: 0 };
  });
}

/** @throws NOT_FOUND */
export async function removeHostname(
  { registryDb }: Pick<HostnamesDeps, 'registryDb'>,
  { tenantId, hostname }: { readonly tenantId: string; readonly hostname: string },
  actor: string,
): Promise<void> {
  await actingAs(registryDb, actor, async (_registry, trx) => {
    const store = createRoutesStore(trx);
    if (!(await store.removeHostname(tenantId, parseHostname(hostname) ?? ''))) throw unknown();
  });
}

export const listHostnames = (
  { registryDb }: Pick<HostnamesDeps, 'registryDb'>,
  tenantId: string,
): Promise<HostnameRow[]> => createRoutesStore(registryDb).listHostnamesOf(tenantId);

/** Of all tenants, in the order of the names. */
export const pagesOfHostnames = (
  { registryDb }: Pick<HostnamesDeps, 'registryDb'>,
  options: KeysetPagesOptions = {},
): AsyncGenerator<readonly HostnameRow[]> =>
  keysetPages(createRoutesStore(registryDb).listHostnames, options);

export interface RecheckOutcome {
  readonly checked: number;
  /** Names that lead nowhere any more. */
  readonly lost: readonly string[];
}

/** One round over all verified names, to be made daily. What DNS does not answer changes nothing. */
export async function recheckHostnames(
  { registryDb, resolveTxt }: Pick<HostnamesDeps, 'registryDb' | 'resolveTxt'>,
  signal?: AbortSignal,
): Promise<RecheckOutcome> {
  const store = createRoutesStore(registryDb);
  const pages = keysetPages<HostnameRow>(
    (last, limit) => store.listVerifiedHostnames(last?.hostname, limit),
    signal === undefined ? {} : { signal },
  );
  const lost: string[] = [];
  let checked = 0;
  const recheck = async (row: HostnameRow): Promise<void> => {
    signal?.throwIfAborted();
    const proof = await findDomainProof(resolveTxt, row.hostname);
    if (proof.kind === 'unknown') return;
    const failedChecks = proof.tokens.has(row.verificationToken) ? 0 : row.failedChecks + 1;
    if (failedChecks === row.failedChecks) return;
    const isLost = failedChecks >= CHECKS_BEFORE_LOSS;
    await actingAs(registryDb, 'job:recheck-hostnames', async (_registry, trx) => {
      await createRoutesStore(trx).updateHostname(row.id, {
        verifiedAt: isLost ? null : row.verifiedAt,
        failedChecks: isLost ? 0 : failedChecks,
      });
    });
    if (isLost) lost.push(row.hostname);
  };
  for await (const rows of pages) {
    await settleAll(rows, AT_ONCE, recheck);
    checked += rows.length;
  }
  return { checked, lost };
}

async function getHostname(
  store: Pick<ReturnType<typeof createRoutesStore>, 'findHostname'>,
  tenantId: string,
  hostname: string,
): Promise<HostnameRow> {
  const row = await store.findHostname(tenantId, hostname);
  if (row === undefined) throw unknown();
  return row;
}

const unknown = (): AppError =>
  new AppError('NOT_FOUND', notFound('host name').message, { details: { field: 'hostname' } });
