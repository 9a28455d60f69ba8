/**
 * What somebody typed, as the phrases to look for: what stands between spaces, each of which must be
 * found. The database makes words of them, so that there are no special characters.
 */
const MAX_LENGTH = 200;
const MAX_PHRASES = 8;
const NUMBER = /^[+\d][\d\s().\/-]{4,}$/;

/** Further phrases and characters are left out. @returns none where nothing was typed. */
export function searchPhrases(query: string): string[] {
  // Neither NUL nor half of a surrogate pair is text to Postgres.
  const text = [...query.slice(0, MAX_LENGTH)].map(toText).join('').trim();
  // Telephone numbers are stored without the signs that people put between their digits.
  if (NUMBER.test(text)) return [text.replaceAll(/\D/g, '')];
  return [...new Set(text.split(/\s+/))].filter((phrase) => phrase !== '').slice(0, MAX_PHRASES);
}

const toText = (character: string): string =>
  character === '\0' || /^\p{Surrogate}$/u.test(character) ? ' ' : character;
