/**
 * Every place of the schema where a client hands in an id: arguments of root fields, arguments of
 * fields below them, fields of inputs and of filters, at any level. Found by walking the schema, so
 * that a new kind's places are tried without anybody writing them down.
 */
import {
  getNamedType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLSchema,
} from 'graphql';
import { extensionsOf } from '../../src/graphql/extensions';

export type Operation = 'query' | 'mutation';

type Field = GraphQLField<unknown, unknown>;

/** A value that a client may hand in: an argument, and the way into it. */
export interface InputPlace {
  readonly operation: Operation;
  /** From the root field to the field that has the argument. */
  readonly fields: readonly Field[];
  readonly argument: GraphQLArgument;
  /** Input fields from the argument's type to the value. */
  readonly path: readonly GraphQLInputField[];
  /** Name of the scalar it takes. */
  readonly scalar: string;
  /** For ids: the GraphQL type of the record, or `Node` for any. */
  readonly idOf: string | undefined;
}

export const nameOfPlace = ({ fields, argument, path }: InputPlace): string =>
  `${fields.map(({ name }) => name).join('.')}(${[argument, ...path].map(({ name }) => name).join('.')})`;

const ROOT_FIELD_LEVELS = 2;

/**
 * All places under all root fields that take the scalar. Filters refer to each other without end:
 * beneath a root field a filter, and each filter it leads to, are walked; beneath other fields only
 * the filter itself.
 */
export function placesOf(
  schema: GraphQLSchema,
  scalar: string,
  rootLevels = ROOT_FIELD_LEVELS,
): InputPlace[] {
  const places: InputPlace[] = [];
  const seen = new Set<string>();
  const queue: { operation: Operation; fields: readonly Field[] }[] = [];
  for (const operation of ['query', 'mutation'] as const) {
    for (const field of rootFields(schema, operation)) queue.push({ operation, fields: [field] });
  }
  // Breadth first: each type's fields are tried by the shortest way to it.
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { operation, fields } = next;
    const field = fields.at(-1) as Field; // never empty
    const levels = fields.length === 1 ? rootLevels : 1;
    for (const argument of field.args) {
      const found = inputPaths(
        argument,
        scalar,
        extensionsOf(argument).idOf ?? extensionsOf(field).idOf,
        levels,
      );
      for (const { path, idOf } of found)
        places.push({ operation, fields, argument, path, scalar, idOf });
    }
    const type = getNamedType(field.type);
    if (operation === 'mutation' || seen.has(type.name)) continue;
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    seen.add(type.name);
    for (const below of Object.values(type.getFields()))
      queue.push({ operation, fields: [...fields, below as Field] });
  }
  return places;
}

export function rootFields(schema: GraphQLSchema, operation: Operation): Field[] {
  const type = operation === 'query' ? schema.getQueryType() : schema.getMutationType();
  return Object.values(type?.getFields() ?? {}) as Field[];
}

interface InputPath {
  readonly path: readonly GraphQLInputField[];
  readonly idOf: string | undefined;
}

function inputPaths(
  argument: GraphQLArgument,
  scalar: string,
  idOf: string | undefined,
  levels: number,
): InputPath[] {
  const walk = (
    type: GraphQLInputObjectType,
    path: readonly GraphQLInputField[],
    above: string | undefined,
    left: number,
  ): InputPath[] => {
    const remaining = takesIds(type) && isRecursive(type) ? left - 1 : left;
    if (remaining < 0) return [];
    return Object.values(type.getFields()).flatMap((field) => {
      const here = extensionsOf(field).idOf ?? above;
      const named = getNamedType(field.type);
      if (named.name === scalar) return [{ path: [...path, field], idOf: here }];
      return isInputObjectType(named) ? walk(named, [...path, field], here, remaining) : [];
    });
  };
  const named = getNamedType(argument.type);
  if (named.name === scalar) return [{ path: [], idOf }];
  return isInputObjectType(named) ? walk(named, [], idOf, levels) : [];
}

const takesIds = (type: GraphQLInputObjectType): boolean =>
  Object.values(type.getFields()).some((field) => extensionsOf(field).idOf !== undefined);

function isRecursive(type: GraphQLInputObjectType): boolean {
  const seen = new Set<GraphQLInputObjectType>();
  const reaches = (from: GraphQLInputObjectType): boolean =>
    Object.values(from.getFields()).some((field) => {
      const named = getNamedType(field.type);
      if (!isInputObjectType(named)) return false;
      if (named === type) return true;
      if (seen.has(named)) return false;
      seen.add(named);
      return reaches(named);
    });
  return reaches(type);
}

/**
 * What takes an id, by coordinate (`UpdateAccountInput.ownerId`, `Query.account(id:)`), read from
 * the list of types and not by the walk above, so that the two can be held against each other.
 */
export function idCoordinates(schema: GraphQLSchema): string[] {
  const isId = (input: GraphQLArgument | GraphQLInputField): boolean =>
    getNamedType(input.type).name === 'ID' || extensionsOf(input).idOf !== undefined;
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith('__')) return [];
    if (isInputObjectType(type)) {
      return Object.values(type.getFields()).flatMap((field) =>
        isId(field) ? [`${type.name}.${field.name}`] : [],
      );
    }
    if (!isObjectType(type)) return [];
    return Object.values(type.getFields()).flatMap((field) =>
      field.args.flatMap((argument) =>
        isId(argument) ? [`${type.name}.${field.name}(${argument.name}:)`] : [],
      ),
    );
  });
}

/** The coordinates that a place goes through. */
export function coordinatesOf(schema: GraphQLSchema, place: InputPlace): string[] {
  const root = place.operation === 'query' ? schema.getQueryType() : schema.getMutationType();
  const owner =
    place.fields.length === 1 ? root : getNamedType((place.fields.at(-2) as Field).type);
  const field = place.fields.at(-1) as Field; // never empty
  const coordinates = [`${owner?.name ?? ''}.${field.name}(${place.argument.name}:)`];
  let type = getNamedType(place.argument.type);
  for (const step of place.path) {
    coordinates.push(`${type.name}.${step.name}`);
    type = getNamedType(step.type);
  }
  return coordinates;
}
