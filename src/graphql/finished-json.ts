/**
 * Answers that are JSON already. A field whose resolver has written the whole of its selection gives
 * one of these; what is around it is executed and written as ever.
 */
import type { FormattedExecutionResult } from 'graphql';

/** The value of a field as JSON text, its selection included. */
export class FinishedJson {
  constructor(readonly text: string) {}

  /** For whoever writes an answer in another way. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

/** An answer as JSON. Fields of the data may be finished, nothing below them. */
export function stringifyAnswer(answer: FormattedExecutionResult): string {
  const { data, errors, extensions } = answer;
  if (!data || !Object.values(data).some((value) => value instanceof FinishedJson)) {
    return `${JSON.stringify(answer)}\n`;
  }
  // Put together piece by piece: what is finished is long, and is not to be copied on the way.
  let text = '';
  for (const [name, value] of Object.entries(data)) {
    text += `${text === '' ? '{' : ','}${JSON.stringify(name)}:`;
    text += value instanceof FinishedJson ? value.text : JSON.stringify(value);
  }
  const others = JSON.stringify({ errors, extensions }).slice(1);
  return `{"data":${text}}${others === '}' ? '' : ','}${others}\n`;
}
