/**
 * Master keys in AWS KMS. The SDK is loaded with the first call and finds its credentials itself
 * (variables, profile, role of the machine). What a data key is for goes along as encryption
 * context, so that it opens as that data key only and shows in CloudTrail.
 */
import type * as Sdk from '@aws-sdk/client-kms';
import { describeConnectionFault } from '../../database/connection-fault';
import { EnvelopeError } from './envelope';
import { KeyProviderError, type KeyProvider, type WrappedKey } from './key-provider';

export interface KmsSettings {
  /** Key ids, ARNs or aliases; the first seals, all open. */
  readonly keyIds: readonly string[];
  readonly region: string | undefined;
  /** Where KMS is, other than AWS's own address of the region. */
  readonly endpoint: string | undefined;
  readonly timeoutMs: number;
}

const ATTEMPTS = 2;

/** KMS has understood and says no; everything else is no answer about the data key. */
const REFUSALS = [
  'DisabledException',
  'IncorrectKeyException',
  'InvalidCiphertextException',
  'InvalidKeyUsageException',
  'KMSInvalidStateException',
  'NotFoundException',
  'ValidationException',
];

const contextOf = (context: string): Record<string, string> => ({ 'cloister:data-key': context });

export function createKmsKeys({ keyIds, region, endpoint, timeoutMs }: KmsSettings): KeyProvider {
  const [activeKeyId = ''] = keyIds;
  let loaded: Promise<Kms> | undefined;

  const load = async (): Promise<Kms> => {
    const sdk = await import('@aws-sdk/client-kms');
    const client = new sdk.KMSClient({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: timeoutMs, requestTimeout: timeoutMs },
    });
    return { sdk, client };
  };

  async function call<T>(work: (kms: Kms, abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    loaded ??= load();
    const kms = await loaded;
    try {
      // One limit over all attempts, finding the credentials included.
      return await work(kms, AbortSignal.timeout(timeoutMs));
    } catch (error) {
      throw translate(error);
    }
  }

  return {
    name: 'aws-kms',
    keyIds,
    holds: (masterKeyId) => keyIds.includes(masterKeyId),
    findActiveKeyId: async () => activeKeyId,
    async wrap(key, context) {
      const { CiphertextBlob } = await call(({ sdk, client }, abortSignal) =>
        client.send(
          new sdk.EncryptCommand({
            KeyId: activeKeyId,
            Plaintext: key,
            EncryptionContext: contextOf(context),
          }),
          { abortSignal },
        ),
      );
      return { masterKeyId: activeKeyId, keySealed: encode(CiphertextBlob) };
    },
    async unwrap({ masterKeyId, keySealed }: WrappedKey, context) {
      const { Plaintext } = await call(({ sdk, client }, abortSignal) =>
        client.send(
          new sdk.DecryptCommand({
            // Named, so that a text sealed with another key of the account is refused.
            KeyId: masterKeyId,
            CiphertextBlob: Buffer.from(keySealed, 'base64'),
            EncryptionContext: contextOf(context),
          }),
          { abortSignal },
        ),
      );
      return Buffer.from(answered(Plaintext));
    },
    close() {
      void loaded?.then(({ client }) => client.destroy());
    },
  };
}

interface Kms {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.KMSClient;
}

function answered(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes !== undefined) return bytes;
  throw new KeyProviderError('AWS KMS answered without what was asked for.');
}

const encode = (bytes: Uint8Array | undefined): string =>
  Buffer.from(answered(bytes)).toString('base64');

/** Names alone: what KMS says besides may tell of accounts and keys. */
function translate(error: unknown): Error {
  if (error instanceof EnvelopeError || error instanceof KeyProviderError) return error;
  const { name = 'Error' } = error as Partial<Sdk.KMSServiceException>;
  return REFUSALS.includes(name)
    ? new EnvelopeError(`AWS KMS refuses the data key: ${name}.`)
    : new KeyProviderError(
        `AWS KMS gave no answer: ${name === 'Error' ? describeConnectionFault(error) : name}.`,
      );
}
