/** How descriptions and messages speak of a kind's records: `EventDate` is "an event date". */
import { inWords } from './fields';
import type { Kind } from './kind';

export interface Wording {
  /** "event date" */
  readonly one: string;
  /** "an event date" */
  readonly aOne: string;
  /** "event dates" */
  readonly many: string;
}

/** A `u` at the beginning is nearly always spoken as in "user": it takes "a". */
const withArticle = (noun: string): string => `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`;

export function wordingOf({ singular, plural }: Pick<Kind, 'singular' | 'plural'>): Wording {
  const one = inWords(singular);
  return { one, aOne: withArticle(one), many: inWords(plural) };
}

export const capitalise = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
