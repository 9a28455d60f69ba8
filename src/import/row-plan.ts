/** A file's mapping made ready for its rows: cells in, the record to write out. */
import { ADDRESS_PARTS, text as textField, type Field } from '../crm/kind/fields';
import type { Kind, KindSet, Parent } from '../crm/kind/kind';
import { findItemRelation, findKind } from './check-mapping';
import { CellFault, createConverter, quote, type Scalar } from './convert-value';
import type { ContentMapping, FileMapping, PartSource, Reference, Source } from './mapping.schema';
import { parseTemplate } from './template';

/** A reference still to be looked up. */
export interface Wanted {
  readonly parent: Parent;
  readonly kind: Kind;
  readonly by: readonly string[];
  readonly value: string;
  readonly createMissing: boolean;
}

export interface Draft {
  readonly externalId: string;
  /** Names every field of the mapping, so that all drafts of a plan name the same. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly references: readonly Wanted[];
}

export interface RowDraft extends Draft {
  /** One for each item of the mapping; without `draft` the row says there is none. */
  readonly items: readonly { readonly externalId: string; readonly draft: Draft | undefined }[];
}

export interface ItemPlan {
  readonly kind: Kind;
  readonly relation: Parent;
}

export interface RowPlan {
  readonly kind: Kind;
  readonly items: readonly ItemPlan[];
  readonly header: readonly string[];
  /** @returns the draft, or why the row cannot be one. */
  convert(cells: readonly string[]): RowDraft | string;
}

/** A cell's text after cleaning; null when it is empty. */
type Cell = (column: string) => string | null;
type Reader<T> = (cell: Cell, report: (fault: string) => void) => T;

export function createRowPlan(
  kinds: KindSet,
  mapping: FileMapping,
  header: readonly string[],
): RowPlan {
  const kind = get(findKind(kinds, mapping.kind), mapping.kind);
  const positions = new Map(header.map((column, index) => [column, index]));
  const readContent = createContentReader(kinds, kind, mapping);
  const items = mapping.items.map((item) => {
    const itemKind = get(findKind(kinds, item.kind), item.kind);
    return {
      kind: itemKind,
      relation: get(findItemRelation(itemKind, kind, item), item.kind),
      skipWhenEmpty: item.skipWhenEmpty ?? [],
      readExternalId: externalIdReader(item),
      read: createContentReader(kinds, itemKind, item),
    };
  });
  const clean = createCleaner(mapping);

  return {
    kind,
    items,
    header,
    convert(cells) {
      const wrong = shapeFault(cells, header);
      if (wrong !== undefined) return wrong;
      const cell: Cell = (column) => clean(column, cells[positions.get(column) ?? -1] ?? '');
      const faults: string[] = [];
      const report = (fault: string): void => void faults.push(fault);
      const draft = readContent(cell, report);
      const itemDrafts = items.map(({ skipWhenEmpty, readExternalId, read }) => {
        const skipped = skipWhenEmpty.some((column) => cell(column) === null);
        return skipped
          ? { externalId: readExternalId(cell, report), draft: undefined }
          : ((made: Draft) => ({ externalId: made.externalId, draft: made }))(read(cell, report));
      });
      return faults.length > 0 ? faults.join('; ') : { ...draft, items: itemDrafts };
    },
  };
}

function shapeFault(cells: readonly string[], header: readonly string[]): string | undefined {
  if (cells.length !== header.length) {
    return `expected ${header.length} columns, but got ${cells.length}`;
  }
  const withNul = cells.findIndex((cell) => cell.includes('\0'));
  return withNul === -1 ? undefined : `${header[withNul]}: holds a NUL byte, which is no text`;
}

function createCleaner({ trim, emptyIsNull, nullValues, replace }: FileMapping) {
  const nulls = new Set(nullValues);
  const replacements = new Map(
    Object.entries(replace).map(([column, values]) => [column, new Map(Object.entries(values))]),
  );
  return (column: string, cell: string): string | null => {
    const trimmed = trim ? cell.trim() : cell;
    const text = replacements.get(column)?.get(trimmed) ?? trimmed;
    return (emptyIsNull && text === '') || nulls.has(text) ? null : text;
  };
}

function createContentReader(kinds: KindSet, kind: Kind, mapping: ContentMapping): Reader<Draft> {
  const readExternalId = externalIdReader(mapping);
  const fields = Object.entries(mapping.fields).map(([name, source]) => {
    const field = get(kind.fields[name], name);
    return {
      name,
      read:
        field.type === 'address'
          ? addressReader(field, name, source)
          : valueReader(field, name, source),
    };
  });
  const references = Object.entries(mapping.references).map(([name, reference]) =>
    referenceReader(
      kinds,
      get(
        kind.parents.find((parent) => parent.name === name),
        name,
      ),
      reference,
    ),
  );
  return (cell, report) => {
    const wanted = references.map((read) => read(cell, report));
    return {
      externalId: readExternalId(cell, report),
      values: {
        ...Object.fromEntries(fields.map(({ name, read }) => [name, read(cell, report)])),
        // Empty references clear; the others are filled in once they are found.
        ...Object.fromEntries(Object.keys(mapping.references).map((name) => [`${name}Id`, null])),
      },
      references: wanted.filter((each) => each !== undefined),
    };
  };
}

function externalIdReader({ externalId }: ContentMapping): Reader<string> {
  const template = get(parseTemplate(externalId), externalId);
  return (cell, report) => {
    const empty = template.columns.filter((column) => cell(column) === null);
    if (empty.length > 0) report(`expected an external id, but ${empty.join(', ')} is empty`);
    return template.render(cell);
  };
}

function originReader(source: PartSource): (cell: Cell) => Scalar {
  const { column, template, constant } = source;
  if (constant !== undefined) return () => constant;
  if (column !== undefined) return (cell) => cell(column);
  const made = get(parseTemplate(template ?? ''), 'template');
  return (cell) => made.render(cell).trim() || null;
}

function translated(source: Pick<PartSource, 'values' | 'unknownValues'>, value: Scalar): Scalar {
  if (value === null || source.values === undefined) return value;
  const key = String(value);
  if (Object.hasOwn(source.values, key)) return source.values[key] ?? null;
  if (source.unknownValues === 'null') return null;
  if (source.unknownValues === 'keep') return value;
  throw new CellFault(
    `expected one of ${Object.keys(source.values).join(', ')}, but got ${quote(value)}`,
  );
}

function valueReader(field: Field, name: string, source: PartSource): Reader<unknown> {
  const origin = originReader(source);
  const convert = createConverter(field, source);
  const { column, currencyColumn } = source;
  return (cell, report) => {
    try {
      return convert(
        translated(source, origin(cell)),
        currencyColumn === undefined ? null : cell(currencyColumn),
      );
    } catch (error) {
      if (!(error instanceof CellFault)) throw error;
      report(`${column ?? name}: ${error.message}`);
      return null;
    }
  };
}

function addressReader(field: Field, name: string, { parts = {} }: Source): Reader<unknown> {
  const asText = textField({ description: field.description });
  const readers = ADDRESS_PARTS.flatMap((part) => {
    const source = parts[part];
    return source === undefined
      ? []
      : [{ part, read: valueReader(asText, `${name}.${part}`, source) }];
  });
  return (cell, report) => {
    const values = readers.flatMap(({ part, read }) => {
      const value = read(cell, report);
      return value === null ? [] : [[part, value] as const];
    });
    return values.length === 0 ? null : Object.fromEntries(values);
  };
}

function referenceReader(
  kinds: KindSet,
  parent: Parent,
  reference: Reference,
): Reader<Wanted | undefined> {
  const source: PartSource = { unknownValues: 'keep', decimalSeparator: '.', ...reference };
  const origin = originReader(source);
  const kind = kinds.get(parent.kind);
  return (cell) => {
    const value = translated(source, origin(cell));
    if (value === null) return undefined;
    return {
      parent,
      kind,
      by: reference.by,
      value: String(value),
      createMissing: reference.createMissing,
    };
  };
}

/** Every column of the file that the mapping reads, in the order of first mention. */
export function columnsOf(mapping: FileMapping): string[] {
  const columns = new Set<string>();
  const add = (...names: readonly (string | undefined)[]): void => {
    for (const name of names) if (name !== undefined) columns.add(name);
  };
  const addSource = ({ column, template, currencyColumn }: Partial<PartSource>): void => {
    add(
      column,
      currencyColumn,
      ...(template === undefined ? [] : (parseTemplate(template)?.columns ?? [])),
    );
  };
  for (const content of [mapping, ...mapping.items]) {
    addSource({ template: content.externalId });
    for (const source of Object.values(content.fields)) {
      addSource(source);
      for (const part of Object.values(source.parts ?? {})) addSource(part);
    }
    for (const { column, template } of Object.values(content.references)) {
      addSource({ column, template });
    }
  }
  add(
    ...Object.keys(mapping.replace),
    ...mapping.items.flatMap(({ skipWhenEmpty }) => skipWhenEmpty ?? []),
  );
  return [...columns];
}

/** The mapping was checked before; what is not there now is a mistake in the program. */
function get<T>(value: T | undefined, name: string): T {
  if (value === undefined)
    throw new Error(`Expected "${name}" to have been checked with the mapping.`);
  return value;
}
