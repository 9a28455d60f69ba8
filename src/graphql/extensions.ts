/**
 * What a field of the schema says about itself, under `extensions`. Authorisation, limits, the
 * choice of a view and the generated tests all read it from here and nowhere else.
 */
import type { OperatorRole } from '../auth/operator-principal';
import type { Role } from '../auth/principal';
import type { PrepareFinish } from './finished-field';

/**
 * Who may call a root field: a role of the tenants' API, or of the operators'. `public` is the explicit
 * mark for fields that need no sign-in; a root field without a rule, or with one of the other API, is
 * refused when the schema is built.
 */
export type Rule = 'public' | Role | OperatorRole;

export interface FieldExtensions {
  /** Root fields only: who may call it. */
  readonly rule?: Rule;
  /** How many SQL statements resolving the field takes at most (default 0), whatever the rows. */
  readonly statements?: number;
  /** The field is a Relay connection: page sizes count towards the operation's cost. */
  readonly connection?: { readonly defaultFirst: number; readonly maxFirst: number };
  /**
   * Mutations only: all it does it does in the session's write transactions, so that it can be told of a
   * process that died whether it was done; and its answer holds nothing that must not be stored.
   */
  readonly takesIdempotencyKey?: boolean;
  /** An argument or input field that takes the id of a record of this kind (its GraphQL type name). */
  readonly idOf?: string;
  /** Root fields only: writes the whole of a selection itself, where it can (see `finished-field.ts`). */
  readonly finish?: PrepareFinish;
}

/** The extensions of a field, argument or input field as this house types them. */
export const extensionsOf = (element: { readonly extensions: object }): FieldExtensions =>
  element.extensions;
