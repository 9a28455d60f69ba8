/**
 * Looks at a document's tokens before anything is parsed, so that a hostile one costs no more than
 * reading its first thousand tokens, and no parser recurses into it.
 */
import { GraphQLError, Lexer, Source, TokenKind } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../config';
import { queryTooComplex } from '../../errors';

/** Clients send the same few documents again and again. */
const REMEMBERED_CHARACTERS = 4 * 1024 * 1024;

type DocumentLimits = Pick<Config['limits'], 'characters' | 'tokens' | 'directives'>;

/** Remembers what it found readable. @returns a guard that throws as `assertReadableDocument` does. */
export function createDocumentGuard(limits: DocumentLimits): (query: string) => void {
  const readable = new LRUCache<string, true>({
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (_value, query) => query.length + 1,
  });
  return (query) => {
    if (readable.get(query) === true) return;
    assertReadableDocument(query, limits);
    readable.set(query, true);
  };
}

/**
 * @throws GraphQLError GRAPHQL_VALIDATION_FAILED for too many written directives,
 *   GRAPHQL_PARSE_FAILED for too many tokens; AppError QUERY_TOO_COMPLEX for too many characters.
 *   In this order, which names the most telling fault first.
 */
export function assertReadableDocument(query: string, limits: DocumentLimits): void {
  const { tokens, directives } = countTokens(query, limits.tokens);
  if (directives > limits.directives) {
    throw new GraphQLError(
      `Expected at most ${limits.directives} directives, but the document has more: use fewer.`,
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    );
  }
  if (tokens > limits.tokens) {
    throw new GraphQLError(
      `Syntax Error: Expected at most ${limits.tokens} tokens, but the document has more: split it.`,
      { extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
    );
  }
  if (query.length > limits.characters) {
    throw queryTooComplex(
      `Expected a document of at most ${limits.characters} characters, but got ${query.length}: split it, or send values as variables.`,
      { limitName: 'characters', requested: query.length, limit: limits.characters },
    );
  }
}

/** Stops counting behind the limit, and at the first token that is none. */
function countTokens(query: string, limit: number): { tokens: number; directives: number } {
  const lexer = new Lexer(new Source(query));
  let tokens = 0;
  let directives = 0;
  try {
    while (tokens <= limit) {
      const { kind } = lexer.advance();
      if (kind === TokenKind.EOF) break;
      tokens += 1;
      if (kind === TokenKind.AT) directives += 1;
    }
  } catch {
    // Not a token: the parser will find it again and say where, in its own words.
  }
  return { tokens, directives };
}
