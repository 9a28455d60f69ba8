import type { OperatorPrincipal } from '../../auth/operator-principal';

/** What the audit log calls an operator. */
export const actorOf = ({ email }: Pick<OperatorPrincipal, 'email'>): string => `operator:${email}`;
