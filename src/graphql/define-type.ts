/**
 * type-graphql's decorators as functions: for types that follow from a definition instead of being
 * written as a class. The classes made here are like written ones to type-graphql.
 */
import 'reflect-metadata';
import { Extensions, Field, InputType, ObjectType, ArgsType, type ClassType } from 'type-graphql';
import type { FieldExtensions } from './extensions';

/** What a field's type may be, as type-graphql takes it: a class, an enum object, a scalar, or a list of one. */
export type TypeReference = object;

export interface FieldDeclaration {
  readonly type: () => TypeReference;
  readonly nullable?: boolean;
  readonly description?: string;
  readonly extensions?: FieldExtensions;
}

export type FieldDeclarations = Readonly<Record<string, FieldDeclaration>>;

const namedClass = (name: string): ClassType => ({ [name]: class {} })[name] as ClassType;

function addFields(target: ClassType, fields: FieldDeclarations): void {
  for (const [name, { type, nullable = false, description, extensions }] of Object.entries(
    fields,
  )) {
    const options = { nullable, ...(description === undefined ? {} : { description }) };
    Field(type as () => ClassType, options)(target.prototype, name);
    if (extensions !== undefined) {
      Extensions({ ...extensions })(target.prototype, name, {});
    }
  }
}

type AbstractClass = abstract new () => object;

export interface TypeOptions {
  readonly description: string;
  readonly implements?: AbstractClass;
}

export function defineObjectType(
  name: string,
  fields: FieldDeclarations,
  options: TypeOptions,
): ClassType {
  const target = namedClass(name);
  addFields(target, fields);
  // A field without a resolver is a property, read as graphql-js does: type-graphql's own resolver would
  // call middleware, of which there is none below the root, for each value of each record.
  const settings = { ...options, simpleResolvers: true };
  // type-graphql's types ask for a class that can be made, though interfaces are abstract by nature.
  ObjectType(name, settings as typeof settings & { implements?: ClassType })(target);
  return target;
}

export function defineInputType(
  name: string,
  fields: FieldDeclarations,
  description: string,
): ClassType {
  const target = namedClass(name);
  addFields(target, fields);
  InputType(name, { description })(target);
  return target;
}

export function defineArgsType(name: string, fields: FieldDeclarations): ClassType {
  const target = namedClass(name);
  addFields(target, fields);
  ArgsType()(target);
  return target;
}
