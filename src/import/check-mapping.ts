/** Whether a mapping makes sense for the kinds there are; every fault at once, each with its path. */
import { ADDRESS_PARTS, isWritable, type Field } from '../crm/kind/fields';
import type { Kind, KindSet, Parent } from '../crm/kind/kind';
import { parseDateFormat } from './dates';
import { didYouMean } from './did-you-mean';
import type {
  ContentMapping,
  ItemMapping,
  Mapping,
  PartSource,
  Reference,
  Source,
} from './mapping.schema';

type Report = (path: readonly (string | number)[], message: string) => void;

/** Who may do what is decided by an admin, not by a file. */
const NEVER_IMPORTED: Readonly<Record<string, readonly string[]>> = { User: ['role', 'status'] };

const isImported = (kind: Kind, name: string, field: Field): boolean =>
  isWritable(field) &&
  field.inputOnly !== true &&
  NEVER_IMPORTED[kind.name]?.includes(name) !== true;

export const findKind = (kinds: KindSet, name: string): Kind | undefined =>
  kinds.kinds.find((kind) => kind.name === name);

/** The relation by which an item hangs on its record. */
export function findItemRelation(
  itemKind: Kind,
  owner: Kind,
  { relation }: ItemMapping,
): Parent | undefined {
  const candidates = itemKind.parents.filter(
    ({ kind, owned }) => kind === owner.name && owned === true,
  );
  if (relation !== undefined) return candidates.find((parent) => parent.name === relation);
  return candidates.length === 1 ? candidates[0] : undefined;
}

export function checkMapping(kinds: KindSet, mapping: Mapping): string[] {
  const faults: string[] = [];
  const report: Report = (path, message) => faults.push(`${path.join('.')}: ${message}`);
  for (const [index, file] of mapping.files.entries()) {
    const path = ['files', index];
    const kind = checkContent(kinds, file, path, report);
    for (const [itemIndex, item] of file.items.entries()) {
      const itemPath = [...path, 'items', itemIndex];
      const itemKind = checkContent(kinds, item, itemPath, report, kind);
      if (kind === undefined || itemKind === undefined) continue;
      if (findItemRelation(itemKind, kind, item) === undefined) {
        report(
          [...itemPath, 'relation'],
          `expected the relation by which ${itemKind.name} is part of ${kind.name}`,
        );
      }
    }
  }
  const names = mapping.files.map(({ file }) => file);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) {
      report(
        ['files', index, 'file'],
        `"${name}" is listed twice; a file feeds one kind, parts of its records are "items"`,
      );
    }
  }
  return faults;
}

function checkContent(
  kinds: KindSet,
  content: ContentMapping,
  path: readonly (string | number)[],
  report: Report,
  owner?: Kind,
): Kind | undefined {
  const kind = findKind(kinds, content.kind);
  if (kind === undefined) {
    const names = kinds.kinds.map(({ name }) => name);
    report(
      [...path, 'kind'],
      `expected one of ${names.join(', ')}, but got "${content.kind}".${didYouMean(content.kind, names)}`,
    );
    return undefined;
  }
  const fields = Object.entries(kind.fields).filter(([name, field]) =>
    isImported(kind, name, field),
  );
  const names = fields.map(([name]) => name);
  for (const [name, source] of Object.entries(content.fields)) {
    const field = fields.find(([known]) => known === name)?.[1];
    if (field === undefined) report([...path, 'fields', name], unknownField(kind, name, names));
    else checkSource(name, field, source, [...path, 'fields', name], report);
  }
  const relation = owner === undefined ? undefined : findItemRelation(kind, owner, content);
  for (const [name, field] of fields) {
    if (field.required === true && content.fields[name] === undefined) {
      report([...path, 'fields'], `${kind.name} needs "${name}"; say where it comes from`);
    }
  }
  checkReferences(kinds, kind, content, path, report);
  for (const parent of kind.parents) {
    if (
      parent.required === true &&
      content.references[parent.name] === undefined &&
      parent !== relation
    ) {
      report(
        [...path, 'references'],
        `${kind.name} needs "${parent.name}"; say where it comes from`,
      );
    }
  }
  return kind;
}

function unknownField(kind: Kind, name: string, names: readonly string[]): string {
  const reason =
    NEVER_IMPORTED[kind.name]?.includes(name) === true || kind.fields[name] !== undefined
      ? `${kind.name}.${name} cannot be imported.`
      : kind.parents.some((parent) => parent.name === name)
        ? `${kind.name}.${name} is a reference; put it under "references".`
        : `${kind.name} has no field "${name}".${didYouMean(name, names)}`;
  return `${reason} Fields: ${names.join(', ')}`;
}

function checkSource(
  name: string,
  field: Field,
  source: Source,
  path: readonly (string | number)[],
  report: Report,
): void {
  const { parts, ...rest } = source;
  if (field.type === 'address') {
    if (parts === undefined) {
      report(
        path,
        `an address is made of parts: write { parts: { city: … } }, out of ${ADDRESS_PARTS.join(', ')}`,
      );
    }
    for (const part of Object.keys(parts ?? {})) {
      if (!ADDRESS_PARTS.some((known) => known === part)) {
        report(
          [...path, 'parts', part],
          `expected one of ${ADDRESS_PARTS.join(', ')}.${didYouMean(part, ADDRESS_PARTS)}`,
        );
      }
    }
    return;
  }
  if (parts !== undefined)
    report(path, `only an address has parts, but ${name} is of type ${field.type}`);
  checkConverters(name, field, rest, path, report);
}

function checkConverters(
  name: string,
  field: Field,
  source: PartSource,
  path: readonly (string | number)[],
  report: Report,
): void {
  const fromFile = source.constant === undefined;
  const isDate = field.type === 'date' || field.type === 'dateTime';
  const isNumber = field.type === 'integer' || field.type === 'decimal' || field.type === 'money';
  if (isDate && fromFile && source.date === undefined) {
    report(
      path,
      `${name} is a date, and the format of a date is never guessed: state it, such as { column: …, date: M/D/YYYY }`,
    );
  }
  if (!isDate && source.date !== undefined) report([...path, 'date'], `${name} is no date`);
  if (!isNumber && source.scale !== undefined) report([...path, 'scale'], `${name} is no number`);
  const hasCurrency = source.currency !== undefined || source.currencyColumn !== undefined;
  if (field.type === 'money' && !hasCurrency) {
    report(
      path,
      `${name} is an amount of money: state its currency, such as { column: …, currency: USD }, or currencyColumn`,
    );
  }
  if (field.type !== 'money' && hasCurrency)
    report(path, `${name} is no amount of money, so it takes no currency`);
  if (source.currency !== undefined && source.currencyColumn !== undefined) {
    report(path, 'expected either currency or currencyColumn, but got both');
  }
  const format = source.date === undefined ? undefined : parseDateFormat(source.date);
  if (field.type === 'dateTime' && format !== undefined) {
    if (!format.hasTime)
      report(
        [...path, 'date'],
        `${name} is a moment: its format needs a time, such as YYYY-MM-DD HH:mm`,
      );
    if (!format.hasOffset && source.utcOffset === undefined) {
      report(
        path,
        `${name} is a moment: state the offset its times are in, as Z in the format or as utcOffset, such as "+01:00"`,
      );
    }
  }
  if (
    source.thousandsSeparator !== undefined &&
    source.thousandsSeparator === source.decimalSeparator
  ) {
    report([...path, 'thousandsSeparator'], 'expected another character than the decimalSeparator');
  }
}

function checkReferences(
  kinds: KindSet,
  kind: Kind,
  content: ContentMapping,
  path: readonly (string | number)[],
  report: Report,
): void {
  for (const [name, reference] of Object.entries(content.references)) {
    const parent = kind.parents.find((each) => each.name === name);
    if (parent === undefined) {
      const names = kind.parents.map((each) => each.name);
      report(
        [...path, 'references', name],
        `${kind.name} has no reference "${name}".${didYouMean(name, names)} References: ${names.join(', ') || 'none'}`,
      );
      continue;
    }
    checkReference(
      kinds.get(parent.kind),
      parent.kind === kind.name,
      reference,
      [...path, 'references', name],
      report,
    );
  }
}

function checkReference(
  target: Kind,
  toItself: boolean,
  reference: Reference,
  path: readonly (string | number)[],
  report: Report,
): void {
  for (const by of reference.by) {
    if (by === 'externalId') continue;
    const field = target.fields[by];
    const names = Object.entries(target.fields).flatMap(([name, each]) =>
      isLookedUpBy(each) ? [name] : [],
    );
    if (field === undefined || !isLookedUpBy(field)) {
      report(
        [...path, 'by'],
        `expected externalId or a text of ${target.name}, but got "${by}".${didYouMean(by, names)} Texts: ${names.join(', ')}`,
      );
    } else if (toItself && field.computed !== undefined) {
      // Whether a later line brings the record is known from what is written, not from what is computed.
      report(
        [...path, 'by'],
        `records of the same kind are not found by "${by}", which is computed; use externalId`,
      );
    }
  }
  if (!reference.createMissing) return;
  const needed = Object.entries(target.fields).filter(
    ([name, field]) => field.required === true && name !== target.displayField,
  );
  const display = target.fields[target.displayField];
  if (
    display === undefined ||
    !isWritable(display) ||
    needed.length > 0 ||
    target.parents.some(({ required }) => required === true)
  ) {
    report([...path, 'createMissing'], `${target.name} cannot be made from a single text`);
  }
}

const isLookedUpBy = (field: Field): boolean =>
  field.inputOnly !== true &&
  (field.type === 'text' || field.type === 'email' || field.type === 'phone');
