/** Records made for one call, so that calls which change or remove them do not meet each other. */
import type { GraphQLSchema } from 'graphql';
import type { SampleSource } from './isolation-inputs';
import { createRecord, type MarkedTenant } from './watermark';
import type { World } from './world';

export async function newRecords(
  world: World,
  schema: GraphQLSchema,
  tenant: MarkedTenant,
  kinds: readonly string[],
  { deleted = false }: { deleted?: boolean } = {},
): Promise<string[]> {
  return Promise.all(
    kinds.map(async (kind) => {
      const id = await createRecord(world, schema, tenant.name, kind, tenant.source);
      if (deleted) {
        const remove = `mutation ($id: ID!) { delete${kind}(input: { id: $id }) { userErrors { code } } }`;
        await world.query({ tenant: tenant.name }, remove, { id });
      }
      return id;
    }),
  );
}

/** What `build` makes when every record it refers to is a new one. */
export async function withNewRecords<T>(
  world: World,
  schema: GraphQLSchema,
  tenant: MarkedTenant,
  build: (source: SampleSource) => T,
  options: { deleted?: boolean } = {},
): Promise<T> {
  const kinds: string[] = [];
  const note = (kind: string): string => (kinds.push(kind), '');
  build({ ...tenant.source, recordId: note, siblingId: note });
  const made = await newRecords(
    world,
    schema,
    tenant,
    kinds.map((kind) => (kind === 'Node' ? 'Account' : kind)),
    options,
  );
  const take = (): string => made.shift() ?? '';
  return build({ ...tenant.source, recordId: take, siblingId: take });
}
