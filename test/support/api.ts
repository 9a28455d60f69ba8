/** A tenant's API as a test uses it: mutations by name, records by kind. */
import type { Role } from '../../src/auth/principal';
import { kinds } from '../../src/crm/kinds';
import type { Kind } from '../../src/crm/kind/kind';
import type { TenantName, World } from './world';

export interface UserErrorShape {
  readonly field: readonly string[];
  readonly message: string;
  readonly code: string;
}

export type Json = Record<string, unknown>;
export type Payload = Json & { readonly userErrors: readonly UserErrorShape[] };

export interface Api {
  /** The data of an operation that must not fail. */
  ask<T = Json>(query: string, variables?: Json): Promise<T>;
  /** Code of the first error of an operation that must fail. */
  fails(query: string, variables?: Json): Promise<string | undefined>;
  /** The payload of a mutation of a kind; `select` what of the record. */
  mutate(name: string, input: Json, select?: string): Promise<Payload>;
  /** User errors as `code field.path`. */
  faults(name: string, input: Json): Promise<string[]>;
  create<T = { readonly id: string; readonly version: number }>(
    kind: string,
    input: Json,
    select?: string,
  ): Promise<T>;
}

const capitalise = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The kind a mutation is of and the payload's field of records. */
function recordsOf(mutation: string): { kind: Kind; field: string } {
  const subject = mutation.replace(/^(create|update|upsert|delete|restore|purge)/, '');
  for (const kind of kinds.kinds) {
    if (subject === kind.name) return { kind, field: kind.singular };
    if (subject === capitalise(kind.plural)) return { kind, field: kind.plural };
  }
  throw new Error(`Expected a mutation of a kind, but got "${mutation}".`);
}

export function apiOf(world: World, tenant: TenantName = 'alpha', role: Role = 'admin'): Api {
  const send = (query: string, variables?: Json) => world.query({ tenant, role }, query, variables);
  const api: Api = {
    async ask<T>(query: string, variables?: Json): Promise<T> {
      const { data, errors } = await send(query, variables);
      expect(errors).toEqual([]);
      return data as T;
    },
    async fails(query, variables) {
      const { errors } = await send(query, variables);
      return errors[0]?.extensions.code;
    },
    async mutate(name, input, select = 'id version') {
      const { kind, field } = recordsOf(name);
      const record = name.startsWith('purge') ? `purged${kind.name}Id` : `${field} { ${select} }`;
      const data = await api.ask<Record<string, Payload>>(
        `mutation ($input: ${capitalise(name)}Input!) {
          ${name}(input: $input) { ${record} userErrors { field message code } }
        }`,
        { input },
      );
      return data[name] as Payload;
    },
    async faults(name, input) {
      const { userErrors } = await api.mutate(name, input);
      return userErrors.map(({ code, field }) => `${code} ${field.join('.')}`);
    },
    async create<T>(kind: string, input: Json, select?: string): Promise<T> {
      const name = `create${kind}`;
      const payload = await api.mutate(name, input, select);
      expect(payload.userErrors).toEqual([]);
      return payload[recordsOf(name).field] as T;
    },
  };
  return api;
}
