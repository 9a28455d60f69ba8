/** What answers are compiled with, and what a request gives to them. */
import type { FieldNode } from 'graphql';
import type { Sql } from 'sql-template-tag';
import type { DocumentScope } from '../../../graphql/merge-selections';
import type { VariableValues } from '../../../graphql/finished-field';
import type { KindSet } from '../kind';
import type { PageScope, PlanPage } from '../read/page-plan';
import type { RowShapes } from '../read/row-shapes';

export interface FinishTools {
  readonly kinds: KindSet;
  readonly shapes: RowShapes;
  readonly planPage: PlanPage;
}

export type CompileScope = FinishTools & DocumentScope;

/** The request that a statement is made for. */
export interface Asking extends PageScope {
  readonly variables: VariableValues;
}

/** A part of a statement. */
export interface MadeSql {
  readonly make: (asking: Asking) => Sql;
  /** Whether it is the same for all requests, but for the tenant. */
  readonly isFixed: boolean;
}

export type Nodes = readonly [FieldNode, ...FieldNode[]];
