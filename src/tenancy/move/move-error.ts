/** A move cannot go on; the message is for the operator as it is. */
export class MoveError extends Error {
  override readonly name = 'MoveError';
}
