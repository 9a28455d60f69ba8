/**
 * What a tenant is called in its data source, as long as a session lasts. A move may give it another
 * name; statements that were made before it carry a former one, and get the current.
 */
import type { Statement } from '../database/statement';

export class LocalTenantId {
  /** Most sessions see no move. */
  #former: Set<string> | undefined;

  constructor(private currentId: string) {}

  get current(): string {
    return this.currentId;
  }

  moveTo(next: string): void {
    if (next === this.currentId) return;
    this.#former ??= new Set();
    this.#former.add(this.currentId);
    this.#former.delete(next);
    this.currentId = next;
  }

  /** The id is a UUID: a value that equals it is nothing else. */
  readdressed(statement: Statement): Statement {
    const former = this.#former;
    if (former === undefined) return statement;
    const values = statement.values.map((value) =>
      typeof value === 'string' && former.has(value) ? this.currentId : value,
    );
    return { ...statement, values };
  }
}
