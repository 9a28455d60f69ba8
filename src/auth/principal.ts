/** What a role may do grows from left to right; each role may do all that those before it may. */
export const ROLES = ['reader', 'member', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleAtLeast = (held: Role, needed: Role): boolean =>
  ROLES.indexOf(held) >= ROLES.indexOf(needed);

/** A signed-in user of one tenant. Ids are UUIDs; the API shows them as TypeIDs. */
export interface Principal {
  readonly userId: string;
  /** The tenant's id in the registry (not the one in its data source). */
  readonly tenantId: string;
  readonly role: Role;
  /** The log-in session the access token belongs to; revoking it ends the principal. */
  readonly sessionId: string;
  /**
   * Hash of the family of the session's refresh tokens, in base64url: what proofs of the same log-in
   * in other organisations are found by. Signed into the token and not read from the session's row,
   * for a customer may write what they like into a database of their own.
   */
  readonly family?: string;
}
