import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import type { KindSet } from '../crm/kind/kind';
import { checkMapping } from './check-mapping';
import { didYouMean } from './did-you-mean';
import { ImportError } from './import-error';
import { mappingSchema, type Mapping } from './mapping.schema';

/**
 * Reads a mapping file, YAML or JSON.
 * @throws ImportError naming every fault of the file at once.
 */
export async function readMapping(path: string, kinds: KindSet): Promise<Mapping> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ImportError(
      [`expected a mapping file at ${path}, but it cannot be read (${codeOf(error)})`],
      undefined,
      {
        cause: error,
      },
    );
  }
  return parseMapping(text, kinds, path);
}

/** @param name of the file, for messages. */
export function parseMapping(text: string, kinds: KindSet, name: string): Mapping {
  // JSON is YAML.
  const document = parseDocument(text, { prettyErrors: true });
  const heading = `The mapping ${name} cannot be used`;
  if (document.errors.length > 0) {
    throw new ImportError(
      document.errors.map(({ message }) => message.trim()),
      heading,
    );
  }
  const parsed = mappingSchema.safeParse(document.toJS());
  if (!parsed.success) throw new ImportError(parsed.error.issues.map(explain), heading);
  const faults = checkMapping(kinds, parsed.data);
  if (faults.length > 0) throw new ImportError(faults, heading);
  return parsed.data;
}

/** All words of the format: near enough to tell what was meant. */
const KEYS = [
  ...[
    'version',
    'files',
    'file',
    'kind',
    'externalId',
    'fields',
    'references',
    'items',
    'replace',
    'nullValues',
  ],
  ...[
    'trim',
    'emptyIsNull',
    'delimiter',
    'encoding',
    'relation',
    'skipWhenEmpty',
    'by',
    'createMissing',
  ],
  ...[
    'column',
    'template',
    'constant',
    'parts',
    'values',
    'unknownValues',
    'date',
    'utcOffset',
    'scale',
  ],
  ...['decimalSeparator', 'thousandsSeparator', 'currency', 'currencyColumn'],
];

function explain(issue: z.core.$ZodIssue): string {
  const path = issue.path.length === 0 ? '(the whole file)' : issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return `${path}: ${issue.keys.map((key) => `"${key}" is not known here.${didYouMean(key, KEYS)}`).join(' ')}`;
  }
  return `${path}: ${issue.message}`;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';
