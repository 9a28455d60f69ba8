import { Arg, Ctx, Extensions, ID, Mutation, Query, Resolver } from 'type-graphql';
import { uuidv7 } from 'uuidv7';
import type { FieldExtensions } from '../../graphql/extensions';
import { invalidError, notFoundError, type UserError } from '../../graphql/user-errors';
import { parseTypeId, toTypeId } from '../../lib/type-id';
import type { RequestContext } from '../../request/context';
import { insertConsent, listConsents, type ConsentRow } from './consent.store';
import {
  Consent,
  ConsentDecision,
  ConsentInput,
  ConsentPayload,
  EraseContactInput,
  EraseContactPayload,
} from './consent.type';
import { contact } from './contact.kind';
import { eraseContact } from './erase-contact';

const CONSENT = 'consent';
const USER = 'user';
const MAX_LISTED = 200;
const MAX_PURPOSE = 100;
const MAX_EVIDENCE = 4000;
/** Clocks differ. */
const TOLERANCE_MS = 60_000;

const READ: FieldExtensions = { rule: 'reader', statements: 1, idOf: 'Contact' };
const WRITE: FieldExtensions = { rule: 'member', takesIdempotencyKey: true };
const ERASE: FieldExtensions = { rule: 'admin', takesIdempotencyKey: true };

const toConsent = (row: ConsentRow): Consent => ({
  ...row,
  id: toTypeId(CONSENT, row.id),
  contactId: toTypeId(contact.idPrefix, row.contactId),
  recordedById: row.recordedById === null ? null : toTypeId(USER, row.recordedById),
});

@Resolver(() => Consent)
export class ConsentResolver {
  @Query(() => [Consent], {
    description: `The decisions of a contact, latest first; the latest ${MAX_LISTED}. None when there is no such contact.`,
  })
  @Extensions(READ)
  async consents(
    @Arg('contactId', () => ID, { description: 'Whose decisions.' })
    contactId: string,
    @Arg('purpose', () => String, { nullable: true, description: 'About this purpose alone.' })
    purpose: string | null,
    @Arg('current', () => Boolean, {
      defaultValue: false,
      description: 'Of each purpose only what holds now.',
    })
    current: boolean,
    @Ctx() { session }: RequestContext,
  ): Promise<Consent[]> {
    const uuid = parseTypeId(contact.idPrefix, contactId);
    if (uuid === undefined) return [];
    const rows = await listConsents(session, {
      contactId: uuid,
      purpose: purpose ?? null,
      current,
      limit: MAX_LISTED,
    });
    return rows.map(toConsent);
  }

  @Mutation(() => ConsentPayload, { description: 'Writes down that a contact consents.' })
  @Extensions(WRITE)
  recordConsent(
    @Arg('input', () => ConsentInput, { description: 'Who, to what, and what shows it.' })
    input: ConsentInput,
    @Ctx() context: RequestContext,
  ): Promise<ConsentPayload> {
    return record(context, input, ConsentDecision.GIVEN);
  }

  @Mutation(() => ConsentPayload, {
    description: 'Writes down that a contact consents no more. The earlier decisions stay.',
  })
  @Extensions(WRITE)
  withdrawConsent(
    @Arg('input', () => ConsentInput, { description: 'Who, to what, and what shows it.' })
    input: ConsentInput,
    @Ctx() context: RequestContext,
  ): Promise<ConsentPayload> {
    return record(context, input, ConsentDecision.WITHDRAWN);
  }

  @Mutation(() => EraseContactPayload, {
    description:
      'Takes a person out for good, on their request: the contact is emptied and deleted; their communications, roles at accounts and consents go, and what the history knows of them.',
  })
  @Extensions(ERASE)
  async eraseContact(
    @Arg('input', () => EraseContactInput, { description: 'Who.' })
    { id }: EraseContactInput,
    @Ctx() { session, loaders }: RequestContext,
  ): Promise<EraseContactPayload> {
    const uuid = parseTypeId(contact.idPrefix, id);
    loaders.clear();
    const removedCount =
      uuid === undefined
        ? undefined
        : await session.transaction((tx) => eraseContact(tx, contact, uuid));
    return removedCount === undefined
      ? { userErrors: [notFoundError(['id'], 'contact')] }
      : { erasedContactId: id, removedCount, userErrors: [] };
  }
}

async function record(
  { session, principal, loaders }: RequestContext,
  input: ConsentInput,
  decision: ConsentDecision,
): Promise<ConsentPayload> {
  const userErrors = faultsOf(input);
  const contactId = parseTypeId(contact.idPrefix, input.contactId);
  if (contactId === undefined) userErrors.push(notFoundError(['contactId'], 'contact'));
  if (contactId === undefined || userErrors.length > 0) return { userErrors };
  loaders.clear();
  const row = await session.transaction((tx) =>
    insertConsent(tx, {
      id: uuidv7(),
      contactId,
      purpose: input.purpose.trim(),
      decision,
      means: input.means,
      evidence: input.evidence ?? null,
      decidedAt: input.decidedAt ?? null,
      recordedById: principal?.userId ?? null,
    }),
  );
  return row === undefined
    ? { userErrors: [notFoundError(['contactId'], 'contact')] }
    : { consent: toConsent(row), userErrors: [] };
}

function faultsOf({ purpose, evidence, decidedAt }: ConsentInput): UserError[] {
  const faults: UserError[] = [];
  const { length } = purpose.trim();
  if (length === 0 || length > MAX_PURPOSE) {
    faults.push(invalidError(['purpose'], `must have 1 to ${MAX_PURPOSE} characters.`));
  }
  if ((evidence ?? '').length > MAX_EVIDENCE) {
    faults.push(invalidError(['evidence'], `must be at most ${MAX_EVIDENCE} characters long.`));
  }
  for (const [field, text] of Object.entries({ purpose, evidence })) {
    if (text?.includes('\0') !== true) continue;
    faults.push(invalidError([field], 'must not hold the character NUL.'));
  }
  if (decidedAt instanceof Date && decidedAt.getTime() > Date.now() + TOLERANCE_MS) {
    faults.push(invalidError(['decidedAt'], 'must not be in the future.'));
  }
  return faults;
}
