/** Turns places of the schema into requests: as many probes in one document as the limits allow. */
import {
  getNamedType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isInterfaceType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
} from 'graphql';
import { extensionsOf } from '../../src/graphql/extensions';
import { sampleOf, type SampleSource } from './isolation-inputs';
import type { InputPlace, Operation } from './isolation-places';

type Field = GraphQLField<unknown, unknown>;

export interface Probe {
  readonly place: InputPlace;
  /** What is handed in at the place; a list is handed in as it is. */
  readonly value: unknown;
  /** Where the place is inside a list: alone in it, or after a valid item. */
  readonly inList?: 'alone' | 'second';
}

export interface GraphqlRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The limits on a document are 15 aliases and 1,000 tokens. */
export const PROBES_PER_DOCUMENT = 15;

/** Queries travel together, mutations alone: each answer is then one mutation's. */
export function requestsOf(probes: readonly Probe[], source: SampleSource): GraphqlRequest[] {
  const mutations = probes.filter(({ place }) => place.operation === 'mutation');
  const queries = probes.filter(({ place }) => place.operation === 'query');
  return [
    ...chunksOf(queries, PROBES_PER_DOCUMENT).map((chunk) => requestOf('query', chunk, source)),
    ...mutations.map((probe) => requestOf('mutation', [probe], source)),
  ];
}

export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function requestOf(
  operation: Operation,
  probes: readonly Probe[],
  source: SampleSource,
): GraphqlRequest {
  const variables: Record<string, unknown> = {};
  const declarations: string[] = [];
  const selections = probes.map((probe, index) => {
    const [root, ...below] = probe.place.fields;
    if (root === undefined) throw new Error('A place has at least its root field.');
    const last = probe.place.fields.length - 1;
    const write = (field: Field, level: number): string => {
      const given = field.args.filter(
        (argument) =>
          (level === last && argument === probe.place.argument) || isRequiredArgument(argument),
      );
      const written = given.map((argument) => {
        const name = `v${index}_${level}_${argument.name}`;
        declarations.push(`$${name}: ${String(argument.type)}`);
        variables[name] =
          argument === probe.place.argument
            ? valueAt(argument.type, probe.place.path, probe, source)
            : // The first record, which the others refer to: what is asked for below it is there.
              sampleOf(argument.type, argument.name, siblingOf(source), {
                idOf: extensionsOf(field).idOf,
              });
        return `${argument.name}: $${name}`;
      });
      const next = below[level];
      // Pages and counts share their conditions: deep in a filter one of the two is enough.
      const counted = probe.place.path.length <= 3;
      const selection =
        next === undefined ? briefSelection(field.type, counted) : `{ ${write(next, level + 1)} }`;
      return `${field.name}${written.length === 0 ? '' : `(${written.join(', ')})`} ${selection}`;
    };
    return `a${index}: ${write(root, 0)}`;
  });
  const head = declarations.length === 0 ? operation : `${operation} (${declarations.join(', ')})`;
  return { query: `${head} { ${selections.join(' ')} }`, variables };
}

/** The argument's value with the probe in it and everything else that is required around it. */
function valueAt(
  type: GraphQLInputType,
  path: readonly GraphQLInputField[],
  probe: Probe,
  source: SampleSource,
  name = probe.place.argument.name,
  idOf = probe.place.path.length === 0 ? probe.place.idOf : undefined,
): unknown {
  if (isNonNullType(type)) return valueAt(type.ofType, path, probe, source, name, idOf);
  if (isListType(type)) {
    if (path.length === 0 && Array.isArray(probe.value)) return probe.value;
    const item = valueAt(type.ofType, path, probe, source, name, idOf);
    return probe.inList === 'second'
      ? [sampleOf(type.ofType, name, siblingOf(source), { idOf }), item]
      : [item];
  }
  const [step, ...rest] = path;
  if (step === undefined) return probe.value;
  if (!isInputObjectType(type))
    throw new Error(`Expected an input object at "${step.name}", but got ${String(type)}.`);
  const stepIdOf = extensionsOf(step).idOf ?? idOf;
  const around = Object.values(type.getFields())
    .filter((field) => field !== step && isRequiredInputField(field))
    .map(
      (field) =>
        [
          field.name,
          sampleOf(field.type, field.name, source, { idOf: extensionsOf(field).idOf }),
        ] as const,
    );
  return {
    ...Object.fromEntries(around),
    [step.name]: valueAt(step.type, rest, probe, source, step.name, stepIdOf),
  };
}

/** A call of a root field with all that it requires. */
export function rootRequest(
  operation: Operation,
  field: Field,
  source: SampleSource,
): GraphqlRequest {
  const variables: Record<string, unknown> = {};
  const given = field.args.filter(isRequiredArgument);
  for (const argument of given) {
    const idOf = extensionsOf(argument).idOf ?? extensionsOf(field).idOf;
    variables[argument.name] = sampleOf(argument.type, argument.name, source, { idOf });
  }
  const declared = given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const handedOn = given.map(({ name }) => `${name}: $${name}`).join(', ');
  const [head, call] = given.length === 0 ? ['', ''] : [` (${declared})`, `(${handedOn})`];
  return {
    query: `${operation}${head} { a0: ${field.name}${call} ${briefSelection(field.type)} }`,
    variables,
  };
}

const siblingOf = (source: SampleSource): SampleSource => ({
  ...source,
  recordId: source.siblingId ?? source.recordId,
});

/** Enough to see whether anything was found, in few tokens. */
export function briefSelection(type: GraphQLOutputType, counted = true): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (!isObjectType(named) && !isInterfaceType(named)) return '{ __typename }';
  const fields = named.getFields();
  if (fields['nodes'] !== undefined)
    return counted ? '{ totalCount nodes { id } }' : '{ nodes { id } }';
  if (fields['userErrors'] !== undefined) return fullSelection(type, 2);
  return fields['id'] === undefined ? fullSelection(type, 2) : '{ __typename id }';
}

/** Every leaf down to the level, by fields that need no argument. */
export function fullSelection(type: GraphQLOutputType, levels: number): string {
  const parts = fieldsOf(type).flatMap((field) => {
    if (isLeafType(getNamedType(field.type))) return [field.name];
    return levels > 1 ? [`${field.name} ${fullSelection(field.type, levels - 1)}`] : [];
  });
  return `{ ${parts.length === 0 ? '__typename' : parts.join(' ')} }`;
}

/**
 * Selections that together show all of a record: its own values, and each of its relations with
 * what belongs to the records there.
 */
export function recordSelections(type: GraphQLOutputType): string[] {
  const own = fieldsOf(type).filter((field) => !isRelation(field));
  const plain = (fields: readonly Field[]): string =>
    fields
      .map((field) =>
        isLeafType(getNamedType(field.type))
          ? field.name
          : `${field.name} ${fullSelection(field.type, 1)}`,
      )
      .join(' ');
  const relations = fieldsOf(type).filter(isRelation);
  return [
    `{ ${plain(own)} }`,
    ...relations.map((relation) => {
      const record = recordOf(relation);
      const inside = `{ ${plain(fieldsOf(record).filter((field) => !isRelation(field)))} ${fieldsOf(
        record,
      )
        .filter(isRelation)
        .map(
          (field) =>
            `${field.name}${isConnection(field) ? '(first: 2)' : ''} ${briefSelection(field.type)}`,
        )
        .join(' ')} }`;
      return `{ id ${relation.name}${isConnection(relation) ? `(first: 3, includeDeleted: true) { totalCount edges { cursor } nodes ${inside} }` : ` ${inside}`} }`;
    }),
  ];
}

const fieldsOf = (type: GraphQLOutputType): Field[] => {
  const named = getNamedType(type);
  if (!isObjectType(named) && !isInterfaceType(named)) return [];
  return (Object.values(named.getFields()) as Field[]).filter(
    (field) => !field.args.some(isRequiredArgument),
  );
};

/** A list of records, by pages. */
export const isConnection = (field: Field): boolean =>
  fieldsOf(field.type).some(({ name }) => name === 'nodes');

/** Leads to another record, alone or in a list. */
const isRelation = (field: Field): boolean =>
  isConnection(field) || fieldsOf(field.type).some(({ name }) => name === 'version');

/** The type of the records that a relation leads to. */
export function recordOf(field: Field): GraphQLOutputType {
  const nodes = fieldsOf(field.type).find(({ name }) => name === 'nodes');
  return nodes?.type ?? field.type;
}
