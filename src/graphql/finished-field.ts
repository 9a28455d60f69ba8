/**
 * Root fields that can write the whole of a selection as JSON themselves (see `finished-json.ts`).
 *
 * Such a field says so under `finish` in its extensions. When an operation is compiled, each of its
 * fields is asked once whether it can express what is selected; where it can, its node carries the
 * function that does, and the field's own resolver, behind its rule as always, finds it there.
 */
import type { FieldNode, GraphQLResolveInfo } from 'graphql';
import type { RequestContext } from '../request/context';
import type { FinishedJson } from './finished-json';
import type { DocumentScope } from './merge-selections';

/** A field as a document selects it. */
export interface SelectedField extends DocumentScope {
  readonly node: FieldNode;
}

/** Values of the operation's variables, coerced. */
export type VariableValues = Readonly<Record<string, unknown>>;

/** Reads and writes what is selected. @returns null for a record that is not there. */
export type Finish<Args = never> = (
  args: Args,
  context: RequestContext,
  variables: VariableValues,
) => Promise<FinishedJson | null>;

export interface FinishedField<Args = never> {
  /** How many it takes. */
  readonly statements: number;
  readonly finish: Finish<Args>;
}

/** @returns undefined when the selection has something that only its resolvers can give. */
export type PrepareFinish<Args = never> = (
  selected: SelectedField,
) => FinishedField<Args> | undefined;

const FINISH = Symbol('finish');

/** The node without its selection: it is selected as if it were a value. */
export const finishedNode = (
  { selectionSet: _selectionSet, ...node }: FieldNode,
  name: string,
  finish: Finish,
): FieldNode => {
  const finished = {
    ...node,
    name: { ...node.name, value: name },
    alias: node.alias ?? node.name,
    [FINISH]: finish,
  };
  return finished;
};

/** What finishes the field that is being resolved; undefined when its selection is to be executed. */
export const finishOf = <Args>({ fieldNodes }: GraphQLResolveInfo): Finish<Args> | undefined =>
  (fieldNodes[0] as { readonly [FINISH]?: Finish<Args> } | undefined)?.[FINISH];
