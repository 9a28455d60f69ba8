/** Page arguments of a Relay connection, checked. https://relay.dev/graphql/connections.htm */
import { badUserInput } from '../errors';

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

export interface PageArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
}

export interface PageSlice {
  readonly size: number;
  readonly cursor: string | undefined;
  readonly backwards: boolean;
}

/** @throws BAD_USER_INPUT naming the argument at fault. */
export function resolveSlice({ first, after, last, before }: PageArguments): PageSlice {
  const given = (value: unknown) => value !== null && value !== undefined;
  if ((given(first) && given(last)) || (given(after) && given(before))) {
    throw badUserInput('Expected first/after or last/before, but got both: page in one direction.');
  }
  if ((given(first) && given(before)) || (given(last) && given(after))) {
    throw badUserInput('Expected `after` with `first`, or `before` with `last`.');
  }
  const backwards = given(last) || given(before);
  const size = (backwards ? last : first) ?? DEFAULT_PAGE_SIZE;
  if (size < 1 || size > MAX_PAGE_SIZE) {
    const name = backwards ? 'last' : 'first';
    throw badUserInput(`Expected \`${name}\` between 1 and ${MAX_PAGE_SIZE}, but got ${size}.`, {
      argument: name,
    });
  }
  return { size, cursor: (backwards ? before : after) ?? undefined, backwards };
}
