/**
 * Names for prepared statements. A server keeps every named text of every connection, so their number
 * is bounded: each kind has its fixed texts, one for each of its row shapes, which always get one; of
 * the texts that follow from a client's filters and orderings the first get one (the hot ones come
 * early and often), and no client can use up what the fixed ones need.
 */
import type { Sql } from 'sql-template-tag';
import type { Statement } from '../../database/statement';

const MAX_SHAPED = 400;
/** Every connection keeps the plan of a named text: what somebody writes at great length is planned anew. */
const MAX_NAMED_LENGTH = 10_000;
const fixed = new Map<string, string>();
const shaped = new Map<string, string>();

/** A statement whose text depends on its kind and a row shape of it alone. */
export function nameFixed({
  text,
  values,
}: Pick<Sql, 'text' | 'values'>): Required<Pick<Statement, 'name'>> & Statement {
  let name = fixed.get(text);
  if (name === undefined) fixed.set(text, (name = `crm_${fixed.size + 1}`));
  return { text, values, name };
}

/** A statement whose text depends on what a client asks for. */
export function nameShaped({ text, values }: Sql): Statement {
  const name = shaped.get(text);
  if (name !== undefined) return { text, values, name };
  if (shaped.size >= MAX_SHAPED || text.length > MAX_NAMED_LENGTH) return { text, values };
  const added = `crm_shaped_${shaped.size + 1}`;
  shaped.set(text, added);
  return { text, values, name: added };
}
