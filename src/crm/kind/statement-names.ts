/**
 * Names for prepared statements. A server keeps every named text of a connection, so only the first
 * texts a process meets are named (the hot ones come early and often); the rest go unnamed.
 */
import type { Sql } from 'sql-template-tag';
import type { Statement } from '../../database/statement';

const MAX_NAMED = 400;
const names = new Map<string, string>();

export function nameStatement(statement: Sql): Statement {
  const { text, values } = statement;
  let name = names.get(text);
  if (name === undefined && names.size < MAX_NAMED) {
    name = `crm_${names.size + 1}`;
    names.set(text, name);
  }
  return name === undefined ? { text, values } : { text, values, name };
}
