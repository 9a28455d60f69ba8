/** Ids of records as the operators' API shows them. */
import { parseTypeId, toTypeId } from '../../../lib/type-id';
import type { PlatformRecord } from './platform-record';

type Identified = Pick<PlatformRecord, 'idPrefix' | 'idType'>;

const NUMBER = /^[1-9]\d{0,17}$/;

export const toRecordId = ({ idPrefix, idType }: Identified, id: string): string =>
  idType === 'uuid' ? toTypeId(idPrefix, id) : `${idPrefix}_${id}`;

/** What the table knows it by, or undefined for what cannot be an id of this record. */
export function parseRecordId({ idPrefix, idType }: Identified, text: string): string | undefined {
  if (idType === 'uuid') return parseTypeId(idPrefix, text);
  const digits = text.startsWith(`${idPrefix}_`) ? text.slice(idPrefix.length + 1) : '';
  return NUMBER.test(digits) ? digits : undefined;
}
