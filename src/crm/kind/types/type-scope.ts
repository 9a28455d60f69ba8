import type { ClassType } from 'type-graphql';
import type { FilterTypes } from '../../../graphql/filter-types';
import type { KindSet } from '../kind';
import type { Orderings } from '../read/ordering';
import type { FieldTypes } from './field-types';

/** What the types of a kind are made from. */
export interface TypeScope {
  readonly kinds: KindSet;
  readonly fields: FieldTypes;
  readonly filters: FilterTypes;
  readonly orderings: Orderings;
  /** Types of other kinds, to be asked for lazily: they refer to each other. */
  readonly filterOf: (kindName: string) => ClassType;
  readonly listFilterOf: (kindName: string) => ClassType;
}
