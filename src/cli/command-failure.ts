/** The command has said what is wrong; nothing is left but the exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  constructor(readonly exitCode = 1) {
    super('The command failed.');
  }
}
