/** What the operators' API shows of the registry. */
import {
  databaseServerRecord,
  dataSourceRecord,
  fleetRunRecord,
  replicaRecord,
} from './records/data-source.record';
import {
  auditEntryRecord,
  hostnameRecord,
  jobRecord,
  moveRecord,
  operatorRecord,
  phoneNumberRecord,
} from './records/operations.record';
import { createRecordSet } from './records/record-set';
import { planRecord, provisioningRecord, tenantRecord } from './records/tenant.record';

export const platformRecords = createRecordSet([
  tenantRecord,
  planRecord,
  provisioningRecord,
  dataSourceRecord,
  replicaRecord,
  databaseServerRecord,
  fleetRunRecord,
  moveRecord,
  hostnameRecord,
  phoneNumberRecord,
  jobRecord,
  operatorRecord,
  auditEntryRecord,
]);
