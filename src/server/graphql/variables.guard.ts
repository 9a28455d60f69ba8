/** Variables that nest without end would overflow the stack where graphql-js coerces them. */
import { queryTooComplex } from '../../errors';

/** Several times what the deepest input of the schema with the deepest filter allowed needs. */
const MAX_LEVELS = 100;

/** @throws AppError QUERY_TOO_COMPLEX */
export function assertShallowVariables(variables: unknown): void {
  // Level by level and not by recursion, which would be the fault it looks for.
  let level: object[] = isObject(variables) ? [variables] : [];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_LEVELS) {
      throw queryTooComplex(
        `Expected variables of at most ${MAX_LEVELS} levels, but they have more: nest less.`,
        { limitName: 'variables', requested: depth, limit: MAX_LEVELS },
      );
    }
    level = level.flatMap((value) => Object.values(value).filter(isObject));
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
