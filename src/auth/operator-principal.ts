/** What an operator may do grows from left to right; each role may do all that those before it may. */
export const OPERATOR_ROLES = ['viewer', 'operator', 'owner'] as const;
/** A viewer looks on, an operator runs tenants and data sources, an owner also decides who operates. */
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** A signed-in operator of the platform, who belongs to no tenant. */
export interface OperatorPrincipal {
  readonly operatorId: string;
  /** Normalised; what the audit log names the operator by. */
  readonly email: string;
  readonly role: OperatorRole;
  readonly sessionId: string;
}
