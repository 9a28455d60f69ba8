/** The key by which a client says that two requests are one (draft-ietf-httpapi-idempotency-key-header). */
export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';
/** `true` on an answer that was given before, and is given again. */
export const REPLAYED_HEADER = 'idempotent-replayed';
