import { isAppError } from '../../errors';
import { invalidError, type UserError } from '../../graphql/user-errors';

/**
 * The payload of what the work returns, or of what the input has wrong. Authentication knows no
 * GraphQL: it names the input's field in the details of its error.
 */
export async function withInputErrors<T, P extends { readonly userErrors: readonly UserError[] }>(
  work: Promise<T>,
  toPayload: (result: T) => P,
): Promise<P | { readonly userErrors: readonly UserError[] }> {
  try {
    return toPayload(await work);
  } catch (error) {
    if (!isAppError(error) || error.code !== 'BAD_USER_INPUT') throw error;
    return { userErrors: [invalidError([String(error.details['field'])], error.message)] };
  }
}
