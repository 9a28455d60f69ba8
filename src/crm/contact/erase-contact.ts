/**
 * Takes a person out of a tenant. The contact stays as an empty, deleted record, for others refer to
 * it; what is about nobody but this person goes, and so does what the history knows of either.
 */
import { writableColumns } from '../kind/columns';
import type { Kind, RuleContext } from '../kind/kind';

type SqlRunner = RuleContext['tx'];

/** About this person alone, by the column that names them. */
const ABOUT_THEM = ['communications', 'account_contacts', 'consents'] as const;

/** In one transaction. @returns how many rows went, or undefined when there is no such contact. */
export async function eraseContact(
  tx: SqlRunner,
  contact: Kind,
  contactId: string,
): Promise<number | undefined> {
  const values = [tx.localTenantId, contactId];
  // Logged as a touch, which holds no content: whoever follows the log fetches the record anew.
  // It is also what is refused if the tenant has just moved.
  const touched = await tx.query({
    text: `update cloister.contacts set version = version + 1, updated_at = now()
           where tenant_id = $1 and id = $2 returning 1`,
    values,
  });
  if (touched.length === 0) return undefined;
  await tx.query({ text: "set local app.change_log = 'off'", values: [] });
  await tx.query({ text: emptied(contact), values });
  let removed = 0;
  for (const table of ABOUT_THEM) removed += await removeFrom(tx, table, contactId);
  removed += await forget(tx, 'contacts', [contactId]);
  await tx.query({ text: "set local app.change_log = ''", values: [] });
  await tx.query(FORGET_ANSWERS(tx.localTenantId));
  return removed;
}

/** Answers that are kept to be given again may show the person; which of them do, none can tell. */
const FORGET_ANSWERS = (tenantId: string) => ({
  text: `update cloister.idempotency_keys set answer = null
         where tenant_id = $1 and answer is not null`,
  values: [tenantId],
  older: { than: '0009_idempotency_keys', text: 'select $1::uuid' },
});

/** Of the kind's own fields nothing is kept but what the table asks for. */
function emptied(contact: Kind): string {
  const set = writableColumns(contact).map(({ column }) => `${column} = ${KEPT[column] ?? 'null'}`);
  return `update cloister.contacts
    set ${set.join(', ')}, deleted_at = coalesce(deleted_at, now())
    where tenant_id = $1 and id = $2`;
}

const KEPT: Readonly<Record<string, string>> = {
  last_name: `'Erased'`,
  do_not_contact: 'true',
};

async function removeFrom(
  tx: SqlRunner,
  table: (typeof ABOUT_THEM)[number],
  contactId: string,
): Promise<number> {
  const rows = await tx.query<{ id: string }>({
    text: `delete from cloister.${table} where tenant_id = $1 and contact_id = $2 returning id`,
    values: [tx.localTenantId, contactId],
  });
  if (rows.length === 0) return 0;
  const ids = rows.map(({ id }) => id);
  const forgotten = await forget(tx, table, ids);
  // That they are gone is told, and nothing of what they were.
  await tx.query({
    text: `insert into cloister.change_log (tenant_id, epoch, table_name, record_id, operation)
           select t.tenant_id, t.change_epoch, $2, gone, 'delete'
           from cloister.tenants t cross join unnest($3::uuid[]) gone where t.tenant_id = $1
           returning 1`,
    values: [tx.localTenantId, table, ids],
  });
  return rows.length + forgotten;
}

/** A touch holds nothing, and is what tells that the record changed. */
async function forget(tx: SqlRunner, table: string, ids: readonly string[]): Promise<number> {
  const rows = await tx.query({
    text: `delete from cloister.change_log
           where tenant_id = $1 and table_name = $2 and record_id = any($3) and operation <> 'touch'
           returning 1`,
    values: [tx.localTenantId, table, ids],
  });
  return rows.length;
}
