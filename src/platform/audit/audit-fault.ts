/** What can be wrong with the audit log, in the order in which it is looked for. */
export const AUDIT_FAULTS = {
  PLACE_MISSING: 'A place of the chain is gone: an entry was removed there, with its place.',
  ENTRY_MISSING: 'The entry that belongs to this place was removed.',
  ENTRY_CHANGED:
    'The entry does not fit its place: it was edited, moved, or put where another one was.',
  CHAIN_REWRITTEN:
    'The chain was computed anew: an entry at or before this place is not what it was when this place was vouched for.',
  END_CUT_OFF: 'The chain ends before it should: the entries from this place on were removed.',
  HEAD_CHANGED:
    'The head of the chain is not its last place: one of them was changed, or entries at the end were removed.',
  ENTRY_UNCHAINED:
    'An entry has no place in the chain: it was put in past the trigger that gives one.',
  CHECKPOINT_FORGED:
    'A checkpoint bears no signature of ours: it was changed, or EMAIL_INDEX_KEY is not the one it was signed with.',
} as const;

export type AuditFaultKind = keyof typeof AUDIT_FAULTS;

export interface AuditFault {
  readonly kind: AuditFaultKind;
  /** Where in the chain, counted from 1; null when the entry has no place there. */
  readonly position: number | null;
  /** `audit_log.id`; null when it cannot be known. */
  readonly entryId: string | null;
  readonly message: string;
}
