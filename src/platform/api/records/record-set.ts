import { parseTypeId } from '../../../lib/type-id';
import type { PlatformRecord } from './platform-record';
import { toRecordId } from './record-ids';

/** The records of the operators' API, found by what else they are known by. */
export interface RecordSet {
  readonly records: readonly PlatformRecord[];
  /** By GraphQL type. @throws for a name that no record has: a mistake in a definition. */
  get(name: string): PlatformRecord;
  /** The id of a row of a table, as its record shows it; the plain uuid for tables without a record. */
  idOfRow(table: string, uuid: string): string;
  /** The uuid in an id of whichever record; undefined for what is none. */
  uuidOf(id: string): string | undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function createRecordSet(records: readonly PlatformRecord[]): RecordSet {
  return {
    records,
    get(name) {
      const record = records.find((each) => each.name === name);
      if (record === undefined) throw new Error(`There is no record "${name}".`);
      return record;
    },
    idOfRow(table, uuid) {
      const record = records.find((each) => each.table === `registry.${table}`);
      return record?.idType === 'uuid' ? toRecordId(record, uuid) : uuid;
    },
    uuidOf(id) {
      if (UUID.test(id)) return id;
      const record = records.find(
        ({ idPrefix, idType }) => idType === 'uuid' && id.startsWith(`${idPrefix}_`),
      );
      return record === undefined ? undefined : parseTypeId(record.idPrefix, id);
    },
  };
}
