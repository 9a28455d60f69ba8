/** Runs generated requests, a few at a time, and looks at every answer on its way. */
import type { GraphqlRequest } from './isolation-requests';
import type { MarkedTenant } from './watermark';
import type { Answer, TenantName, World } from './world';

const AT_ONCE = 8;

export async function mapAtOnce<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  atOnce = AT_ONCE,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as T, index); // within bounds
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/**
 * Asks as the admin of a tenant. @throws when an answer holds a mark or an id of another tenant:
 * this is how no answer of a whole generated run goes unseen.
 */
export async function askAs(
  world: World,
  tenant: TenantName,
  others: readonly MarkedTenant[],
  { query, variables }: GraphqlRequest,
): Promise<Answer> {
  const answer = await world.query({ tenant }, query, variables);
  for (const other of others) {
    const found = other.name === tenant ? undefined : other.foundIn(answer.text);
    if (found !== undefined) {
      throw new Error(
        `Expected nothing of ${other.name} in an answer to ${tenant}, but got ${found} for ${query}: ${answer.text}`,
      );
    }
  }
  return answer;
}
