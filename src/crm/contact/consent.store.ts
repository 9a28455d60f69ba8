/** The log of consents: decisions are added and read, and nothing else. */
import type { RuleContext } from '../kind/kind';
import type { ConsentDecision, ConsentMeans } from './consent.type';

type SqlRunner = RuleContext['tx'];

export interface ConsentRow {
  readonly id: string;
  readonly contactId: string;
  readonly purpose: string;
  readonly decision: ConsentDecision;
  readonly means: ConsentMeans;
  readonly evidence: string | null;
  readonly decidedAt: Date;
  readonly recordedAt: Date;
  readonly recordedById: string | null;
}

export type NewConsent = Omit<ConsentRow, 'recordedAt' | 'decidedAt'> & {
  readonly decidedAt: Date | null;
};

const COLUMNS = `id, contact_id as "contactId", purpose, decision, means, evidence,
  decided_at as "decidedAt", recorded_at as "recordedAt", recorded_by as "recordedById"`;

/** @returns undefined when there is no such contact. */
export async function insertConsent(
  tx: SqlRunner,
  consent: NewConsent,
): Promise<ConsentRow | undefined> {
  const [row] = await tx.query<ConsentRow>({
    text: `insert into cloister.consents
             (tenant_id, id, contact_id, purpose, decision, means, evidence, decided_at, recorded_by)
           select tenant_id, $2, id, $4, $5, $6, $7, coalesce($8, now()), $9
           from cloister.contacts where tenant_id = $1 and id = $3 and deleted_at is null
           returning ${COLUMNS}`,
    values: [
      tx.localTenantId,
      consent.id,
      consent.contactId,
      consent.purpose,
      consent.decision,
      consent.means,
      consent.evidence,
      consent.decidedAt,
      consent.recordedById,
    ],
  });
  return row;
}

export interface ConsentsOf {
  readonly contactId: string;
  readonly purpose: string | null;
  /** Of each purpose the latest alone. */
  readonly current: boolean;
  readonly limit: number;
}

/** Latest first; of two at one moment the one that was written down later. */
export async function listConsents(
  runner: SqlRunner,
  { contactId, purpose, current, limit }: ConsentsOf,
): Promise<ConsentRow[]> {
  return runner.query<ConsentRow>({
    text: `select * from (
             select ${current ? 'distinct on (purpose)' : ''} ${COLUMNS} from cloister.consents
             where tenant_id = $1 and contact_id = $2 and ($3::text is null or purpose = $3)
             order by purpose, decided_at desc, recorded_at desc, id desc
           ) found order by "decidedAt" desc, "recordedAt" desc, id desc limit $4`,
    values: [runner.localTenantId, contactId, purpose, limit],
  });
}
