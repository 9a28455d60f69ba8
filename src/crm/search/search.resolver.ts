/** The root field `search`, over all kinds that say what a search looks at. */
import { Float, Int, registerEnumType, type ClassType } from 'type-graphql';
import { badUserInput, internalError } from '../../errors';
import { defineResolver, type ResolverMap } from '../../graphql/define-resolver';
import { defineArgsType, defineObjectType, type TypeReference } from '../../graphql/define-type';
import { Node } from '../../graphql/node.type';
import type { RequestContext } from '../../request/context';
import type { Kind, KindSet } from '../kind/kind';
import type { KindReader } from '../kind/kind-reader';
import { toConstantCase } from '../kind/fields';
import { wordingOf } from '../kind/wording';
import { searchPhrases } from './search-phrases';
import { findHits, type SearchHit } from './search.store';

const DEFAULT_RESULTS = 20;
const MAX_RESULTS = 50;

interface SearchArguments {
  readonly query: string;
  readonly kinds?: readonly string[] | null;
  readonly first?: number | null;
}

export function defineSearchResolver(
  kinds: KindSet,
  reader: KindReader,
  resolvers: ResolverMap,
): ClassType {
  const searched = kinds.kinds.filter(({ search }) => search !== undefined);
  const kindEnum = defineSearchKind(searched);
  const result = defineObjectType(
    'SearchResult',
    {
      kind: { type: () => kindEnum, description: 'What kind of record it is.' },
      rank: {
        type: () => Float,
        description:
          'How good it fits, from 0 to 1: above two thirds the words stand there, above a third ' +
          'words that begin with them, below words that are like them.',
      },
    },
    { description: 'A record that a search has found.' },
  );

  return defineResolver({ type: result, name: 'SearchResult' }, resolvers, (builder) => {
    builder.query<SearchArguments>({
      name: 'search',
      returns: () => [result],
      args: defineArgsType('SearchArguments', {
        query: {
          type: () => String,
          description:
            'Words, in any order, or their beginnings; an e-mail address or its beginning; a ' +
            'telephone number. Accents, capitals and typing errors do not matter. Of longer text ' +
            'the first eight words count.',
        },
        kinds: {
          type: () => [kindEnum],
          nullable: true,
          description: 'Only records of these kinds (default: of all).',
        },
        first: {
          type: () => Int,
          nullable: true,
          description: `How many at most (default ${DEFAULT_RESULTS}, up to ${MAX_RESULTS}).`,
        },
      }),
      description: 'Records by the words in them, the best first; deleted ones are passed over.',
      extensions: {
        rule: 'reader',
        statements: 1,
        connection: { defaultFirst: DEFAULT_RESULTS, maxFirst: MAX_RESULTS },
      },
      resolve: (_source, { query, kinds: wanted, first }, ctx) =>
        findHits(ctx.session, {
          phrases: searchPhrases(query),
          kinds: searched.filter(({ name }) => wanted?.includes(name) ?? true),
          limit: resultsOf(first),
        }),
    });
    builder.field<SearchHit, undefined>({
      name: 'matchedField',
      returns: () => String,
      description: 'The field that fits best, by its name.',
      extensions: {},
      resolve: ({ kind, place }) => kinds.get(kind).search?.[place - 1] ?? '',
    });
    builder.field<SearchHit, undefined>({
      name: 'matchedText',
      returns: () => String,
      description: 'What stands in that field.',
      extensions: {},
      resolve: ({ text }) => text,
    });
    builder.field<SearchHit, undefined>({
      name: 'record',
      returns: () => Node,
      description: 'The record itself.',
      // One for each kind.
      extensions: { statements: searched.length },
      resolve: async ({ kind: name, id }, _args, ctx: RequestContext, info) => {
        const kind = kinds.get(name);
        const row = await reader.byId(ctx, kind, id, info);
        // The operation has one view: what its search found is there.
        if (row === null) throw internalError(`A ${name} that was found is not there.`);
        return { ...row, __typename: name };
      },
    });
  });
}

function resultsOf(first: number | null | undefined): number {
  const limit = first ?? DEFAULT_RESULTS;
  if (limit >= 1 && limit <= MAX_RESULTS) return limit;
  throw badUserInput(`Expected \`first\` between 1 and ${MAX_RESULTS}, but got ${limit}.`, {
    argument: 'first',
  });
}

function defineSearchKind(searched: readonly Kind[]): TypeReference {
  const type = Object.fromEntries(
    searched.map(({ name, singular }) => [toConstantCase(singular), name]),
  );
  registerEnumType(type, {
    name: 'SearchKind',
    description: 'Kinds of record that a search looks at.',
    valuesConfig: Object.fromEntries(
      searched.map((kind) => [
        toConstantCase(kind.singular),
        { description: `The ${wordingOf(kind).many}, by ${(kind.search ?? []).join(', ')}.` },
      ]),
    ),
  });
  return type;
}
