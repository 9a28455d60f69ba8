import 'reflect-metadata';
import { Field, ObjectType, registerEnumType } from 'type-graphql';

/** What a user can mend. */
export enum UserErrorCode {
  INVALID = 'INVALID',
  NOT_FOUND = 'NOT_FOUND',
  CONFLICT = 'CONFLICT',
  LIMIT_REACHED = 'LIMIT_REACHED',
}

registerEnumType(UserErrorCode, {
  name: 'UserErrorCode',
  description: 'What kind of mistake it is.',
  valuesConfig: {
    INVALID: { description: 'A value is not acceptable.' },
    NOT_FOUND: { description: 'There is no such record.' },
    CONFLICT: { description: 'The record was changed meanwhile, or the value is taken.' },
    LIMIT_REACHED: { description: 'The plan does not allow so much.' },
  },
});

@ObjectType({ description: 'A mistake in the input that the user can mend.' })
export class UserError {
  @Field(() => [String], { description: 'Path of the field in the input.' })
  field!: string[];

  @Field(() => String, { description: 'What is wrong, for a person to read.' })
  message!: string;

  @Field(() => UserErrorCode, { description: 'What kind of mistake it is.' })
  code!: UserErrorCode;
}

/** Thrown inside a mutation's transaction, which it rolls back; becomes the payload's `userErrors`. */
export class UserFaults extends Error {
  override readonly name = 'UserFaults';
  constructor(readonly userErrors: readonly UserError[]) {
    super(userErrors.map(({ field, message }) => `${field.join('.')}: ${message}`).join('; '));
  }
}

export const notFoundError = (field: readonly string[], what: string): UserError => ({
  field: [...field],
  message: `There is no such ${what}.`,
  code: UserErrorCode.NOT_FOUND,
});

export const invalidError = (field: readonly string[], message: string): UserError => ({
  field: [...field],
  message,
  code: UserErrorCode.INVALID,
});

export const conflictError = (field: readonly string[], message: string): UserError => ({
  field: [...field],
  message,
  code: UserErrorCode.CONFLICT,
});

export const limitError = (field: readonly string[], message: string): UserError => ({
  field: [...field],
  message,
  code: UserErrorCode.LIMIT_REACHED,
});

/** Runs a mutation's work; what the user can mend comes back as errors instead of being thrown. */
export async function withUserErrors<P extends object>(
  work: () => Promise<P>,
  empty: P,
): Promise<P & { userErrors: readonly UserError[] }> {
  try {
    return { ...(await work()), userErrors: [] };
  } catch (error) {
    if (error instanceof UserFaults) return { ...empty, userErrors: error.userErrors };
    throw error;
  }
}
