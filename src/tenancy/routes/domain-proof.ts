/**
 * Whether whoever claims a domain controls it: they publish the claim's token in its DNS, as a TXT
 * record of `_cloister-verify.<domain>`.
 */
import { Resolver } from 'node:dns/promises';
import { SECOND } from '../../lib/duration';

/** Texts of a name's TXT records, each in the pieces that DNS cuts it into. */
export type ResolveTxt = (name: string) => Promise<string[][]>;

/** `unknown`: DNS did not answer, which says nothing of the proof. */
export type DomainProof =
  | { readonly kind: 'published'; readonly tokens: ReadonlySet<string> }
  | { readonly kind: 'unknown' };

const TIMEOUT_MS = 2 * SECOND;
const TRIES = 2;
/** What DNS says of a name that has no such record. */
const NOTHING_THERE = ['ENOTFOUND', 'ENODATA'];

export const proofNameOf = (hostname: string): string => `_cloister-verify.${hostname}`;

/** Asks the name servers of the machine, and not its cache of names. */
export const createTxtResolver = (): ResolveTxt => {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  return (name) => resolver.resolveTxt(name);
};

/** Never throws. */
export async function findDomainProof(
  resolveTxt: ResolveTxt,
  hostname: string,
): Promise<DomainProof> {
  try {
    const records = await resolveTxt(proofNameOf(hostname));
    return { kind: 'published', tokens: new Set(records.map((pieces) => pieces.join('').trim())) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return NOTHING_THERE.includes(code ?? '')
      ? { kind: 'published', tokens: new Set() }
      : { kind: 'unknown' };
  }
}
