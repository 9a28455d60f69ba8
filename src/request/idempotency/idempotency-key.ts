/**
 * One request's idempotency key (draft-ietf-httpapi-idempotency-key-header): what is sent again with
 * it is answered again and not done again.
 *
 * That holds when the process dies at any point. Each write transaction of the request counts itself
 * in the row of its key, in the same commit; so whoever finds a claim whose holder is dead knows
 * whether anything was done. If nothing was, the request is executed; else its answer is lost, which
 * is said, and it is never executed twice. A holder that was only slow cannot commit once another has
 * taken the key: its count fails, and its transaction with it.
 */
import { createHash, createHmac } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { SqlRunner, Statement } from '../../database/statement';
import { AppError } from '../../errors';
import { DAY } from '../../lib/duration';
import type { OperationSession } from '../../tenancy/session.port';
import {
  claimKey,
  countCommit,
  freeKey,
  keepAnswer,
  type ClaimRef,
  type KeyRow,
} from './idempotency-keys.store';
import type { Claim, IdempotencyKey, KeyedRequest } from '../context';

export interface IdempotencyKeyOptions {
  /** As the client sent it. */
  readonly key: string;
  readonly userId: string;
  readonly session: OperationSession;
  /** A transaction of the tenant that is none of the request's. */
  readonly transaction: <T>(work: (tx: SqlRunner) => Promise<T>) => Promise<T>;
  /** How long the request may take at most. */
  readonly leaseMs: number;
  readonly onFailure: (error: unknown) => void;
}

const KEEP_MS = DAY;
/** Larger answers are not kept. */
export const MAX_ANSWER_BYTES = 256 * 1024;
/** Visible ASCII: what a header carries unchanged, and no list of two keys. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** @returns the key, and the session through which its request must do all its writing. */
export function createIdempotencyKey(options: IdempotencyKeyOptions): {
  readonly idempotencyKey: IdempotencyKey;
  readonly session: OperationSession;
} {
  const { key, userId, session, transaction, leaseMs, onFailure } = options;
  let held: ClaimRef | undefined;

  const idempotencyKey: IdempotencyKey = {
    async claim(request) {
      if (!KEY.test(key)) throw malformed();
      const claimId = uuidv7();
      const row = await transaction((tx) =>
        claimKey(tx, {
          id: uuidv7(),
          claimId,
          userId,
          keyHash: createHash('sha256').update(key).digest(),
          requestHash: hashRequest(key, request),
          leaseMs,
          keepMs: KEEP_MS,
        }),
      );
      if (row?.isMine !== true) return { answer: answerOf(row) };
      held = { id: row.id, claimId };
      return { claim: holding(held) };
    },
  };

  function holding(mine: ClaimRef): Claim {
    return {
      async finish({ answer, hasErrors }) {
        try {
          const bytes = answer === undefined ? null : Buffer.byteLength(answer);
          const text = bytes === null || bytes > MAX_ANSWER_BYTES ? null : (answer ?? null);
          await transaction(async (tx) => {
            if (hasErrors && (await freeKey(tx, mine))) return;
            await keepAnswer(tx, mine, { text, bytes });
          });
        } catch (error) {
          onFailure(error);
        }
      },
    };
  }

  async function countIn(tx: SqlRunner): Promise<void> {
    if (held === undefined) return;
    if (!(await countCommit(tx, held))) throw takenOver();
  }

  // Last, so that the row is locked no longer than it takes to commit.
  return { idempotencyKey, session: new CountedSession(session, countIn) };
}

/** A session each of whose writes does something more before it is committed. */
class CountedSession implements OperationSession {
  constructor(
    private readonly session: OperationSession,
    private readonly beforeCommit: (tx: SqlRunner) => Promise<void>,
  ) {}

  get tenantId(): string {
    return this.session.tenantId;
  }
  /** May change while the session is held. */
  get localTenantId(): string {
    return this.session.localTenantId;
  }
  plan(...given: Parameters<OperationSession['plan']>): void {
    this.session.plan(...given);
  }
  query<Row>(statement: Statement): Promise<Row[]> {
    return this.session.query<Row>(statement);
  }
  transaction<T>(work: (tx: SqlRunner) => Promise<T>): Promise<T> {
    return this.session.transaction(async (tx) => {
      const result = await work(tx);
      await this.beforeCommit(tx);
      return result;
    });
  }
  write<Row>(statement: Statement): Promise<Row[]> {
    return this.transaction((tx) => tx.query<Row>(statement));
  }
  end(): Promise<void> {
    return this.session.end();
  }
  cancel(reason: Error): void {
    this.session.cancel(reason);
  }
}

/** @throws what the client is told instead of an answer. */
function answerOf(row: KeyRow | undefined): string {
  if (row === undefined) throw inFlight();
  if (!row.isSameRequest) throw mismatch();
  if (row.answer !== null) return row.answer;
  if (!row.isFinished && !row.isLeaseOver) throw inFlight();
  throw row.answerBytes !== null && row.answerBytes > MAX_ANSWER_BYTES ? tooLarge() : lost(row);
}

/** The order of an object's fields says nothing; that of a list does. */
export function hashRequest(
  key: string,
  { query, operationName, variables }: KeyedRequest,
): Buffer {
  const canonical = JSON.stringify([query, operationName ?? null, variables], (_name, value) =>
    isPlainObject(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : (value as unknown),
  );
  return createHmac('sha256', key).update(canonical).digest();
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const malformed = (): AppError =>
  new AppError(
    'BAD_REQUEST',
    'Expected an Idempotency-Key of 1 to 255 visible ASCII characters without spaces: send a new random UUID with each new request.',
  );

const inFlight = (): AppError =>
  new AppError(
    'CONFLICT',
    'The request with this Idempotency-Key is still being carried out: send the same again in a moment for its answer.',
    { details: { reason: 'IDEMPOTENCY_KEY_IN_FLIGHT', retryAfterSeconds: 1 } },
  );

const mismatch = (): AppError =>
  new AppError(
    'IDEMPOTENCY_MISMATCH',
    'This Idempotency-Key belongs to another request: send the same query and variables as with it before, or a new key.',
  );

const lost = ({ commits }: KeyRow): AppError =>
  new AppError(
    'CONFLICT',
    'The request with this Idempotency-Key was carried out, at least in part, but its answer is lost, and it is not carried out again: read the records to see what was written, and send what is missing with a new key.',
    { details: { reason: 'IDEMPOTENCY_ANSWER_LOST', commits } },
  );

const tooLarge = (): AppError =>
  new AppError(
    'CONFLICT',
    `The request with this Idempotency-Key was carried out, but its answer was larger than the ${MAX_ANSWER_BYTES / 1024} KB that are kept: read the records, and select less in mutations with a key.`,
    { details: { reason: 'IDEMPOTENCY_ANSWER_TOO_LARGE' } },
  );

const takenOver = (): AppError =>
  new AppError(
    'CONFLICT',
    'This request took so long that a repetition of it has taken its Idempotency-Key: nothing was written here, the repetition has the answer.',
    { details: { reason: 'IDEMPOTENCY_KEY_TAKEN_OVER' } },
  );
