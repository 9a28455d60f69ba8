/**
 * AWS KMS as far as cloister speaks with it: JSON 1.1 over HTTP, the operation in `x-amz-target`.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
 */
import { randomBytes } from 'node:crypto';
import { openBytes, sealBytes, startKeyService, type KeyService, type Reply } from './key-service';

export interface KmsServer extends KeyService {
  disable(keyId: string): void;
  /** Further answers to this operation are this exception. */
  fail(operation: string, exception: string | undefined): void;
}

const SEPARATOR = 0;

export async function startKmsServer(keyIds: readonly string[]): Promise<KmsServer> {
  const keys = new Map(keyIds.map((keyId) => [keyId, randomBytes(32)]));
  const disabled = new Set<string>();
  const failures = new Map<string, string>();

  const refusal = (type: string): Reply => ({ status: 400, body: { __type: type, message: type } });
  const aadOf = (body: Record<string, unknown>): string =>
    JSON.stringify(Object.entries(body['EncryptionContext'] ?? {}).sort());
  const bytesOf = (value: unknown): Buffer => Buffer.from(String(value), 'base64');

  function encrypt(keyId: string, plaintext: Buffer, aad: string): Reply | string {
    const key = keys.get(keyId);
    if (key === undefined) return refusal('NotFoundException');
    if (disabled.has(keyId)) return refusal('DisabledException');
    const sealed = sealBytes(key, plaintext, aad);
    return Buffer.concat([Buffer.from(keyId), Buffer.from([SEPARATOR]), sealed]).toString('base64');
  }

  function decrypt(body: Record<string, unknown>): Reply {
    const blob = bytesOf(body['CiphertextBlob']);
    const keyId = blob.subarray(0, blob.indexOf(SEPARATOR)).toString();
    const key = keys.get(keyId);
    if (key === undefined) return refusal('InvalidCiphertextException');
    if (body['KeyId'] !== undefined && body['KeyId'] !== keyId) {
      return refusal('IncorrectKeyException');
    }
    if (disabled.has(keyId)) return refusal('DisabledException');
    const plaintext = openBytes(key, blob.subarray(blob.indexOf(SEPARATOR) + 1), aadOf(body));
    if (plaintext === undefined) return refusal('InvalidCiphertextException');
    return { status: 200, body: { KeyId: keyId, Plaintext: plaintext.toString('base64') } };
  }

  const operationOf = (target: unknown): string => String(target).replace('TrentService.', '');
  const service = await startKeyService(
    ({ headers }) => operationOf(headers['x-amz-target']),
    ({ headers }, body) => {
      const operation = operationOf(headers['x-amz-target']);
      const failure = failures.get(operation);
      if (failure !== undefined) return refusal(failure);
      if (!/^AWS4-HMAC-SHA256 /.test(headers.authorization ?? '')) {
        return refusal('MissingAuthenticationTokenException');
      }
      const keyId = String(body['KeyId']);
      if (operation === 'Decrypt') return decrypt(body);
      if (operation !== 'Encrypt' && operation !== 'GenerateDataKey') {
        return refusal('UnknownOperationException');
      }
      const plaintext = operation === 'Encrypt' ? bytesOf(body['Plaintext']) : randomBytes(32);
      const blob = encrypt(keyId, plaintext, aadOf(body));
      if (typeof blob !== 'string') return blob;
      return {
        status: 200,
        body: {
          KeyId: keyId,
          CiphertextBlob: blob,
          ...(operation === 'Encrypt' ? {} : { Plaintext: plaintext.toString('base64') }),
        },
      };
    },
  );
  return Object.assign(service, {
    disable: (keyId: string) => void disabled.add(keyId),
    fail: (operation: string, exception: string | undefined) => {
      if (exception === undefined) failures.delete(operation);
      else failures.set(operation, exception);
    },
  });
}
