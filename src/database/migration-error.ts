/** The migrations cannot be run here. The message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}
