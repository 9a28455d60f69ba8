/**
 * What a kind of record is: its fields, its relations and its rules. Everything else (types,
 * connections, filters, ordering, loaders, mutations, isolation tests) follows from a definition.
 */
import type { Role } from '../../auth/principal';
import type { SqlRunner } from '../../database/statement';
import type { EmailRouting, TenantPlan } from '../../request/context';
import { toSnakeCase, type Field } from './fields';

/** A row as the store reads it: fields in camelCase, parents as `<relation>Id`. */
export interface KindRow {
  readonly id: string;
  readonly externalId: string | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
  readonly [field: string]: unknown;
}

/** Given values by field name; absent means "leave as it is", null means "clear". */
export type Values = Readonly<Record<string, unknown>>;

/** A reference to one record of another kind, and the list that record has of these. */
export interface ParentRelation {
  /** GraphQL name of the kind referred to. */
  readonly kind: string;
  readonly description: string;
  readonly required?: boolean;
  /** The list on the parent's side; absent when the parent has none. */
  readonly inverse?: { readonly name: string; readonly description: string };
  /** The record is a part of its parent: deleted and restored together with it. */
  readonly owned?: boolean;
}

/** Says what is wrong with a field of the input, or with a part of it: `['billingAddress', 'city']`. */
export type Fault = (field: string | readonly string[], message: string) => void;

export interface RuleContext {
  readonly tx: SqlRunner;
  /** The signed-in user, absent for imports. */
  readonly actorId: string | undefined;
  readonly services: RuleServices;
  /** Runs when the transaction has been committed, and not at all when it is rolled back. */
  readonly afterCommit: (work: () => Promise<void>) => void;
}

/** What rules may use beside the database. */
export interface RuleServices {
  readonly hashPassword: (password: string) => Promise<string>;
  readonly emailRouting: EmailRouting;
  /** Absent where no plan counts (imports). */
  readonly plan?: Omit<TenantPlan, 'usage'>;
  /** Ends a user's log-in sessions; absent where nobody is signed in yet (seeds, imports). */
  readonly endSessions?: (
    userId: string,
    reason: 'password_changed' | 'user_disabled',
  ) => Promise<void>;
}

/** A record as it was written. */
export interface Written {
  readonly row: KindRow;
  /** As it was before; only for kinds that say `needsCurrent`, and never for a new record. */
  readonly before: KindRow | undefined;
  /** The values the client gave. */
  readonly given: Values;
  readonly created: boolean;
}

export interface KindRules<V> {
  /** Checks that need only the values; `current` is the record before the change. */
  validate?(
    values: V,
    current: KindRow | undefined,
    fault: Fault,
    actorId: string | undefined,
  ): void;
  /** Whether the rules need the record before a change (one more statement). */
  readonly needsCurrent?: boolean;
  /** Columns that follow from the values given. */
  derive?(values: V, services: RuleServices): Promise<Readonly<Record<string, unknown>>>;
  /** Checks that need the database, within the transaction of the write. */
  check?(context: RuleContext, written: Written, fault: Fault): Promise<void>;
  /** `check` has nothing to say of new records, so that one can be committed in one flight. */
  readonly checksOnlyChanges?: true;
  /** The record was deleted or purged; the rest of the transaction may still fail. */
  removed?(context: RuleContext, row: KindRow, fault: (message: string) => void): Promise<void>;
  /** The record came back from deletion. */
  restored?(context: RuleContext, row: KindRow): Promise<void>;
}

type ValuesOf<F extends Readonly<Record<string, Field>>, P extends string> = {
  readonly [K in keyof F]?: (F[K] extends Field<infer T> ? T : never) | null;
} & { readonly [K in P as `${K}Id`]?: string | null };

export interface DefaultOrder {
  /** As the API's ordering names it, such as `STARTS_AT`. */
  readonly field: string;
  readonly direction: 'asc' | 'desc';
  /** In words, for the description of the argument. */
  readonly meaning: string;
}

export interface KindSpec<F extends Readonly<Record<string, Field>>, P extends string> {
  /** GraphQL type name, singular. */
  readonly name: string;
  /** Root field of the list, camelCase plural. */
  readonly plural: string;
  readonly table: string;
  readonly idPrefix: string;
  readonly description: string;
  /** How its lists are ordered when nobody says (default: newest first). */
  readonly defaultOrder?: DefaultOrder;
  /** The field a person knows the record by: parents can be sorted by it. */
  readonly displayField: string;
  readonly fields: F;
  readonly parents?: Readonly<Record<P, ParentRelation>>;
  /** User-facing words for named constraints of the table. */
  readonly constraints?: Readonly<
    Record<string, { readonly field: string; readonly message: string }>
  >;
  /** Role that may write (default member). */
  readonly writeRole?: Role;
  /** Text columns that `rules.derive` fills. */
  readonly derivedColumns?: readonly string[];
  /**
   * What the root field `search` looks at, the most important first; absent: it passes the kind over.
   * The kind's migration makes the table searchable by the same fields (`cloister.make_searchable`).
   */
  readonly search?: readonly (keyof F & string)[];
  readonly rules?: KindRules<ValuesOf<F, P>>;
}

export interface Parent extends ParentRelation {
  readonly name: string;
  /** Input field and row key, `<name>Id`. */
  readonly idField: string;
  readonly column: string;
}

export interface Kind extends Omit<
  KindSpec<Readonly<Record<string, Field>>, string>,
  'parents' | 'rules'
> {
  /** Root field of one record, camelCase singular. */
  readonly singular: string;
  readonly parents: readonly Parent[];
  readonly writeRole: Role;
  readonly rules: KindRules<Values>;
}

export function defineKind<F extends Readonly<Record<string, Field>>, P extends string = never>(
  spec: KindSpec<F, P>,
): Kind {
  const parents = Object.entries<ParentRelation>(spec.parents ?? {}).map(([name, relation]) => ({
    ...relation,
    name,
    idField: `${name}Id`,
    column: `${toSnakeCase(name)}_id`,
  }));
  return {
    ...spec,
    singular: spec.name.charAt(0).toLowerCase() + spec.name.slice(1),
    parents,
    writeRole: spec.writeRole ?? 'member',
    // Rules are written against the kind's own value types; here only the mechanism calls them.
    rules: spec.rules ?? {},
  };
}

/** A parent's list of its children of one kind. */
export interface ChildRelation {
  readonly name: string;
  readonly description: string;
  readonly child: Kind;
  /** The child's reference to the parent. */
  readonly via: Parent;
}

/** All kinds of the API, with their relations resolved in both directions. */
export interface KindSet {
  readonly kinds: readonly Kind[];
  /** @throws when no kind has the name, which is a mistake in a definition. */
  get(name: string): Kind;
  children(kind: Kind): readonly ChildRelation[];
}

export function createKindSet(kinds: readonly Kind[]): KindSet {
  const byName = new Map(kinds.map((kind) => [kind.name, kind]));
  const get = (name: string): Kind => {
    const kind = byName.get(name);
    if (kind === undefined) {
      throw new Error(
        `Expected a kind named "${name}", but there are ${[...byName.keys()].join(', ')}.`,
      );
    }
    return kind;
  };
  const children = new Map<string, ChildRelation[]>(kinds.map(({ name }) => [name, []]));
  for (const child of kinds) {
    for (const via of child.parents) {
      const parent = get(via.kind);
      if (via.inverse !== undefined)
        children.get(parent.name)?.push({ ...via.inverse, child, via });
    }
  }
  return { kinds, get, children: (kind) => children.get(kind.name) ?? [] };
}
