import { buildSchema, parse, validate } from 'graphql';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPLETE_MFA, createExamples, LOGIN, LOGOUT, REFRESH_SESSION, VIEWER } from './documents';

const SCHEMA_FILE = join(__dirname, '../../../../schema/schema.graphql');
const examples = createExamples({ email: 'ada@example.test', password: '' });

const documents: [string, string][] = [
  ['LOGIN', LOGIN],
  ['COMPLETE_MFA', COMPLETE_MFA],
  ['REFRESH_SESSION', REFRESH_SESSION],
  ['LOGOUT', LOGOUT],
  ['VIEWER', VIEWER],
  ...examples.map(({ label, query }): [string, string] => [label, query]),
];

// Where the schema was never emitted there is nothing to hold the documents against.
const itWithSchema = existsSync(SCHEMA_FILE) ? it : it.skip;

describe("the page's documents", () => {
  itWithSchema.each(documents)('are valid for the schema: %s', (_name, document) => {
    const schema = buildSchema(readFileSync(SCHEMA_FILE, 'utf8'));
    expect(validate(schema, parse(document)).map(({ message }) => message)).toEqual([]);
  });

  it.each(examples)('have JSON for variables: $label', ({ variables }) => {
    expect(() => JSON.parse(variables || '{}')).not.toThrow();
  });
});
