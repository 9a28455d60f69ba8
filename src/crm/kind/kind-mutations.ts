/** A kind's mutations: ids in, one transaction, payload out. */
import type { SqlRunner } from '../../database/statement';
import type { RequestContext } from '../../request/context';
import { parseTypeId, toTypeId } from '../../lib/type-id';
import {
  invalidError,
  notFoundError,
  UserFaults,
  withUserErrors,
  type UserError,
} from '../../graphql/user-errors';
import type { Kind, KindRow, KindSet, Values } from './kind';
import type { KindWriter, WriteContext } from './kind-writer';
import { UnlocatedFault, type PathOf } from './write/run-write';
import { wordingOf } from './wording';

/** Of one mutation. */
export const MAX_RECORDS = 500;

type Input = Readonly<Record<string, unknown>>;

/** Runs work in a transaction of its own; what was loaded before it is forgotten. */
async function inTransaction<T>(
  ctx: RequestContext,
  work: (context: WriteContext) => Promise<T>,
): Promise<T> {
  const followUps: (() => Promise<void>)[] = [];
  ctx.loaders.clear();
  const result = await ctx.session.transaction((tx) => {
    followUps.length = 0; // the work may be run again
    return work(writeContextOf(ctx, tx, (followUp) => followUps.push(followUp)));
  });
  // Each is tried, for the write stands; then the first that failed is reported.
  const outcomes = await Promise.allSettled(followUps.map((followUp) => followUp()));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return result;
}

/** One record, in one flight where nothing else has to be asked; else undefined, and nothing was done. */
function createAtOnce(
  ctx: RequestContext,
  create: (context: WriteContext) => Promise<KindRow | undefined>,
): Promise<KindRow | undefined> {
  const { session } = ctx;
  ctx.loaders.clear();
  const tx: SqlRunner = {
    // May change when the tenant moves.
    get localTenantId() {
      return session.localTenantId;
    },
    query: (statement) => session.write(statement),
  };
  return create(
    writeContextOf(ctx, tx, () => {
      throw new Error('Expected nothing to be done after the commit of a single statement.');
    }),
  );
}

const writeContextOf = (
  { auth, emailRouting, hashPassword, plan, principal, session }: RequestContext,
  tx: SqlRunner,
  afterCommit: WriteContext['afterCommit'],
): WriteContext => ({
  tx,
  actorId: principal?.userId,
  services: {
    hashPassword,
    emailRouting,
    plan,
    endSessions: (userId, reason) => auth.revokeSessionsOfUser(session.tenantId, userId, reason),
  },
  afterCommit,
});

export function createKindMutations(kinds: KindSet, kind: Kind, writer: KindWriter) {
  const { singular, plural } = kind;
  const { one } = wordingOf(kind);

  /** TypeIDs of the input to UUIDs. An id that is none of ours is answered as one that is absent. */
  function readValues(input: Input, path: readonly string[], errors: UserError[]): Values {
    const values: Record<string, unknown> = { ...input };
    for (const parent of kind.parents) {
      const given = values[parent.idField];
      if (typeof given !== 'string') continue;
      const uuid = parseTypeId(kinds.get(parent.kind).idPrefix, given);
      if (uuid === undefined) errors.push(notFoundError([...path, parent.idField], 'record'));
      else values[parent.idField] = uuid;
    }
    return values;
  }

  function readId(id: unknown, path: readonly string[], errors: UserError[]): string {
    const uuid = parseTypeId(kind.idPrefix, String(id));
    if (uuid === undefined) errors.push(notFoundError(path, one));
    return uuid ?? '';
  }

  const refuse = (errors: readonly UserError[]): void => {
    if (errors.length > 0) throw new UserFaults(errors);
  };

  const assertCount = (count: number, field: string): void => {
    if (count < 1 || count > MAX_RECORDS) {
      refuse([
        invalidError([field], `Expected 1 to ${MAX_RECORDS} records at once, but got ${count}.`),
      ]);
    }
  };

  const single = (work: () => Promise<KindRow | undefined>) =>
    withUserErrors(async () => ({ [singular]: (await work()) ?? null }), { [singular]: null });
  const many = (work: () => Promise<KindRow[]>) =>
    withUserErrors<Record<string, KindRow[] | null>>(async () => ({ [plural]: await work() }), {
      [plural]: null,
    });

  async function create(
    ctx: RequestContext,
    inputs: readonly Input[],
    pathOf: PathOf,
  ): Promise<KindRow[]> {
    const errors: UserError[] = [];
    const records = inputs.map((input, index) => readValues(input, pathOf(index), errors));
    refuse(errors);
    const [only] = records;
    if (only !== undefined && records.length === 1) {
      const created = await createAtOnce(ctx, (context) =>
        writer.createAtOnce(context, kind, only, pathOf),
      );
      if (created !== undefined) return [created];
    }
    try {
      return await inTransaction(ctx, (context) => writer.create(context, kind, records, pathOf));
    } catch (error) {
      if (!(error instanceof UnlocatedFault)) throw error;
      return inTransaction(ctx, (context) => createOneByOne(context, records, pathOf));
    }
  }

  /** Tells which of the records the database refuses; should it refuse none any more, all are made. */
  async function createOneByOne(
    context: WriteContext,
    records: readonly Values[],
    pathOf: PathOf,
  ): Promise<KindRow[]> {
    const rows: KindRow[] = [];
    for (const [index, values] of records.entries()) {
      rows.push(...(await writer.create(context, kind, [values], () => pathOf(index))));
    }
    return rows;
  }

  async function update(
    ctx: RequestContext,
    inputs: readonly Input[],
    pathOf: PathOf,
  ): Promise<KindRow[]> {
    const errors: UserError[] = [];
    const updates = inputs.map((input, index) => {
      const { id, version, ...values } = input;
      return {
        id: readId(id, [...pathOf(index), 'id'], errors),
        version: version as number,
        values: readValues(values, pathOf(index), errors),
      };
    });
    refuse(errors);
    return inTransaction(ctx, (context) => writer.update(context, kind, updates, pathOf));
  }

  async function remove(
    ctx: RequestContext,
    ids: readonly string[],
    pathOf: PathOf,
  ): Promise<KindRow[]> {
    const errors: UserError[] = [];
    const uuids = ids.map((id, index) => readId(id, pathOf(index), errors));
    refuse(errors);
    // An id given twice stands where it was given first.
    const distinct = [...new Set(uuids)];
    const pathOfDistinct: PathOf = (index) => pathOf(uuids.indexOf(distinct[index] ?? ''));
    return inTransaction(ctx, (context) => writer.delete(context, kind, distinct, pathOfDistinct));
  }

  const alone: PathOf = () => [];
  const listed: PathOf = (index) => [plural, String(index)];

  return {
    create: (ctx: RequestContext, input: Input) =>
      single(async () => (await create(ctx, [input], alone))[0]),
    createMany: (ctx: RequestContext, input: Record<string, readonly Input[]>) =>
      many(async () => {
        const inputs = input[plural] ?? [];
        assertCount(inputs.length, plural);
        return create(ctx, inputs, listed);
      }),
    update: (ctx: RequestContext, input: Input) =>
      single(async () => (await update(ctx, [input], alone))[0]),
    updateMany: (ctx: RequestContext, input: Record<string, readonly Input[]>) =>
      many(async () => {
        const inputs = input[plural] ?? [];
        assertCount(inputs.length, plural);
        return update(ctx, inputs, listed);
      }),
    upsert: (ctx: RequestContext, input: Input) =>
      single(async () => {
        const errors: UserError[] = [];
        const values = readValues(input, [], errors);
        refuse(errors);
        const { rows } = await inTransaction(ctx, (context) =>
          writer.upsert(context, kind, [values], alone),
        );
        return rows[0];
      }),
    delete: (ctx: RequestContext, { id }: { id: string }) =>
      single(async () => (await remove(ctx, [id], () => ['id']))[0]),
    deleteMany: (ctx: RequestContext, { ids }: { ids: readonly string[] }) =>
      many(async () => {
        assertCount(ids.length, 'ids');
        return remove(ctx, ids, (index) => ['ids', String(index)]);
      }),
    restore: (ctx: RequestContext, { id }: { id: string }) =>
      single(async () => {
        const errors: UserError[] = [];
        const uuid = readId(id, ['id'], errors);
        refuse(errors);
        return inTransaction(ctx, (context) => writer.restore(context, kind, uuid, ['id']));
      }),
    purge: (ctx: RequestContext, { id }: { id: string }) => {
      const key = `purged${kind.name}Id`;
      return withUserErrors<Record<string, string | null>>(
        async () => {
          const errors: UserError[] = [];
          const uuid = readId(id, ['id'], errors);
          refuse(errors);
          await inTransaction(ctx, (context) => writer.purge(context, kind, uuid, ['id']));
          return { [key]: toTypeId(kind.idPrefix, uuid) };
        },
        { [key]: null },
      );
    },
  };
}
