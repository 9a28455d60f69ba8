/**
 * Operators' tokens: of a type, an audience and a prefix of their own, so that neither API takes the
 * other's for one of its own.
 */
import { OPERATOR_ROLES, type OperatorPrincipal } from '../../auth/operator-principal';
import { createRefreshTokens } from '../../auth/refresh-tokens';
import {
  createSignedTokens,
  isUuid,
  type SignedTokenOptions,
  type SignedTokens,
  type TokenForm,
} from '../../auth/signed-tokens';

const FORM: TokenForm<OperatorPrincipal> = {
  type: 'cloister-operator+jwt',
  write: ({ operatorId, email, role, sessionId }) => ({
    sub: operatorId,
    email,
    role,
    sid: sessionId,
  }),
  read({ sub, email, role, sid }) {
    if (!isUuid(sub) || !isUuid(sid) || typeof email !== 'string') return undefined;
    const known = OPERATOR_ROLES.find((each) => each === role);
    return known && { operatorId: sub, email, role: known, sessionId: sid };
  },
};

export const createOperatorTokens = (
  options: SignedTokenOptions,
): SignedTokens<OperatorPrincipal> =>
  createSignedTokens({ ...options, audience: `${options.audience}/platform` }, FORM);

/** Where a tenant's token holds the tenant's id, an operator's holds the operator's. */
export const operatorRefreshTokens = createRefreshTokens('cor1_');
