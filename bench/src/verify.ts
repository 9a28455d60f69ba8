/** Whether all servers answer alike, looked at before anything is timed. */
import { deepStrictEqual } from 'node:assert';
import { openHttpConnection, type HttpAnswer } from './http-connection';
import type { CheckAnswer } from './load';
import { commonForm } from './dialects';
import { CREATED_LAST_NAME } from './dataset';
import type { QueryId } from './queries';

/** The answers of one server to one query, request by request. */
export type Answers = readonly Buffer[];

export async function askAll(port: number, requests: readonly Buffer[]): Promise<Answers> {
  const connection = await openHttpConnection(port);
  try {
    const answers: Buffer[] = [];
    for (const request of requests) {
      const { status, body } = await connection.send(request);
      if (status !== 200)
        throw new Error(`Expected 200, but got ${status}: ${body.toString().slice(0, 500)}`);
      // A copy: what arrives is a view of a buffer that is used again.
      answers.push(Buffer.from(body));
    }
    return answers;
  } finally {
    connection.close();
  }
}

/** @throws naming the first answer that differs, with both. */
export function assertEqualAnswers(
  query: QueryId,
  label: string,
  answers: Answers,
  reference: Answers,
): void {
  for (const [index, body] of answers.entries()) {
    const got = commonForm(query, body.toString());
    const expected = commonForm(query, reference[index]?.toString() ?? '');
    try {
      deepStrictEqual(got, expected);
    } catch (error) {
      throw new Error(
        `${label} answers request ${index} of ${query} otherwise than the first server:\n${(error as Error).message}`,
        { cause: error },
      );
    }
  }
}

/** @throws when nothing is in an answer that should be full: equal and empty is no comparison. */
export function assertFull(query: QueryId, answers: Answers): void {
  const longest = Math.max(...answers.map((answer) => answer.length));
  const least = query === 'q3' ? 10_000 : query === 'q2' ? 3_000 : query === 'q6' ? 1_500 : 50;
  if (longest < least)
    throw new Error(`Expected ${query} to answer at least ${least} bytes, but got ${longest}.`);
}

/** During the measurement: status and length of every answer, now and then all of it. */
export function checkAgainst(query: string, expected: Answers): CheckAnswer {
  return ({ status, body }: HttpAnswer, index, full) => {
    const known = expected[index];
    const fits =
      status === 200 &&
      (query === 'q4'
        ? body.includes(CREATED_LAST_NAME) && body.length === known?.length
        : body.length === known?.length && (!full || body.equals(known)));
    if (!fits) {
      throw new Error(
        `An answer to ${query} changed under load: status ${status}, ${body.length} bytes instead of ${known?.length ?? 0}: ${body.toString().slice(0, 300)}`,
      );
    }
  };
}
