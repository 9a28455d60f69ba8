/** Which tenant a telephone number belongs to: given by operators, kept with the secret of its messages. */
import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';
import { AppError, badUserInput, notFound } from '../../errors';
import { keysetPages, type KeysetPagesOptions } from '../../lib/keyset-pages';
import { actingAs } from '../acting-as';
import type { KeyOwner } from '../secrets/data-keys.store';
import type { SecretBox } from '../secrets/secret-box';
import { createRoutesStore, type PhoneNumberRow, type SigningScheme } from './routes.store';

/** https://www.itu.int/rec/T-REC-E.164 */
const E164 = /^\+[1-9]\d{6,14}$/;
/** Short secrets can be tried out; providers' own are longer. */
const MIN_SECRET_LENGTH = 16;
const GENERATED_SECRET_BYTES = 32;

export interface PhoneNumberSpec {
  readonly tenantId: string;
  /** E.164 */
  readonly number: string;
  readonly scheme: SigningScheme;
  /** What the provider signs with. */
  readonly secret: string;
  /** Take the number from the tenant that has it. */
  readonly move?: boolean;
}

interface Registered {
  readonly registryDb: Knex;
}

interface Deps extends Registered {
  readonly secretBox: SecretBox;
}

export const ownerOfNumber = (tenantId: string): KeyOwner => ({ kind: 'tenant', id: tenantId });
export const placeOfSecret = (id: string) => ({ rowId: id, column: 'secret_sealed' });

/** A secret for the scheme `standard`, to be told to the sender and never shown again. */
export const generateWebhookSecret = (): string =>
  `whsec_${randomBytes(GENERATED_SECRET_BYTES).toString('base64')}`;

/**
 * Gives a number to a tenant; one that it has already gets the new secret.
 * @param actor who is named in the audit log.
 * @throws BAD_USER_INPUT; CONFLICT when it is another tenant's and is not to be moved.
 */
export async function addPhoneNumber(
  { registryDb, secretBox }: Deps,
  { tenantId, number, scheme, secret, move = false }: PhoneNumberSpec,
  actor: string,
): Promise<void> {
  if (!E164.test(number)) {
    throw badUserInput('Expected a telephone number in E.164 form, such as +431234567.', {
      field: 'number',
    });
  }
  if (secret.length < MIN_SECRET_LENGTH) {
    throw badUserInput(`Expected a secret of at least ${MIN_SECRET_LENGTH} characters.`, {
      field: 'secret',
    });
  }
  const id = uuidv7();
  const secretSealed = await secretBox.seal(ownerOfNumber(tenantId), placeOfSecret(id), secret);
  await actingAs(registryDb, actor, async (_registry, trx) => {
    const store = createRoutesStore(trx);
    const known = await store.findNumber(number);
    if (known !== undefined && known.tenantId !== tenantId && !move) {
      throw new AppError(
        'CONFLICT',
        'The number belongs to another tenant: move it, or remove it.',
        {
          details: { field: 'number' },
        },
      );
    }
    // A new row and not a changed one: what is sealed is bound to its row and its tenant.
    await store.removeNumber(number);
    await store.insertNumber({ id, tenantId, number, scheme, secretSealed });
  });
}

/** @throws NOT_FOUND */
export async function removePhoneNumber(
  { registryDb }: Registered,
  number: string,
  actor: string,
): Promise<void> {
  await actingAs(registryDb, actor, async (_registry, trx) => {
    if (!(await createRoutesStore(trx).removeNumber(number))) throw notFound('telephone number');
  });
}

/** All of them, in order. */
export const pagesOfPhoneNumbers = (
  { registryDb }: Registered,
  options: KeysetPagesOptions = {},
): AsyncGenerator<readonly PhoneNumberRow[]> => {
  const store = createRoutesStore(registryDb);
  return keysetPages<PhoneNumberRow>(
    (last, limit) => store.listNumbers(last?.number, limit),
    options,
  );
};
