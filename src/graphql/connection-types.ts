/** The types of a Relay connection and its page arguments, the same for every list of both APIs. */
import { Int, type ClassType } from 'type-graphql';
import { defineObjectType, type FieldDeclaration } from './define-type';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from './pages';
import { PageInfo } from './value-types';

export interface ListedType {
  readonly name: string;
  readonly record: ClassType;
  /** In words: `account`, `accounts`, and at the beginning of a sentence `An account`. */
  readonly one: string;
  readonly many: string;
  readonly capitalOne: string;
}

export function defineConnectionType({
  name,
  record,
  one,
  many,
  capitalOne,
}: ListedType): ClassType {
  const edge = defineObjectType(
    `${name}Edge`,
    {
      cursor: { type: () => String, description: `Where the ${one} stands in the list.` },
      node: { type: () => record, description: `The ${one}.` },
    },
    { description: `${capitalOne} at its place in a list.` },
  );
  return defineObjectType(
    `${name}Connection`,
    {
      edges: { type: () => [edge], description: `The ${many} of the page, each with its cursor.` },
      nodes: { type: () => [record], description: `The ${many} of the page.` },
      pageInfo: { type: () => PageInfo, description: 'Where the page stands in the list.' },
      totalCount: {
        type: () => Int,
        description: `Number of ${many} in the whole list; counted only when asked for.`,
        extensions: { statements: 1 },
      },
    },
    { description: `A page of a list of ${many}.` },
  );
}

export const PAGE_ARGUMENTS: Readonly<Record<string, FieldDeclaration>> = {
  first: {
    type: () => Int,
    nullable: true,
    description: `Size of the page, from the beginning or after a cursor (default ${DEFAULT_PAGE_SIZE}, at most ${MAX_PAGE_SIZE}).`,
  },
  after: {
    type: () => String,
    nullable: true,
    description: 'The page begins after this cursor.',
  },
  last: {
    type: () => Int,
    nullable: true,
    description: `Size of the page, from the end or before a cursor (at most ${MAX_PAGE_SIZE}).`,
  },
  before: {
    type: () => String,
    nullable: true,
    description: 'The page ends before this cursor.',
  },
};
