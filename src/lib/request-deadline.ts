/**
 * A request may take two statements at the database's own limit and some time around them, so that
 * where one statement is slow its error, which says more, comes first.
 */
const DEADLINE_IN_STATEMENT_TIMEOUTS = 2.5;

/** How long a request may take, unless it was given more. */
export const requestDeadlineMs = (statementTimeoutMs: number): number =>
  statementTimeoutMs * DEADLINE_IN_STATEMENT_TIMEOUTS;
