/** How a kind's lists are asked for: filter, ordering, page. */
import { registerEnumType, type ClassType } from 'type-graphql';
import { PAGE_ARGUMENTS } from '../../../graphql/connection-types';
import { defineArgsType, defineInputType } from '../../../graphql/define-type';
import { OrderDirection } from '../../../graphql/value-types';
import { optional } from './field-types';
import type { Kind } from '../kind';
import { wordingOf } from '../wording';
import type { TypeScope } from './type-scope';

export interface ListTypes {
  readonly filter: ClassType;
  /** For filters of kinds that have a list of these. */
  readonly listFilter: ClassType;
  readonly listArguments: ClassType;
}

export function defineListTypes(scope: TypeScope, kind: Kind): ListTypes {
  const filter = defineFilter(scope, kind);
  const order = defineOrder(scope, kind);
  const { many } = wordingOf(kind);
  return {
    filter,
    listFilter: defineInputType(
      `${kind.name}ListFilter`,
      {
        some: optional(() => filter, 'At least one of the list matches.'),
        none: optional(() => filter, 'None of the list matches.'),
      },
      `Compares a list of ${many}.`,
    ),
    listArguments: defineArgsType(`${kind.name}ListArguments`, {
      ...PAGE_ARGUMENTS,
      filter: optional(() => filter, `Which ${many}.`),
      orderBy: optional(
        () => [order],
        `In which order (default: ${kind.defaultOrder?.meaning ?? 'newest first'}); at most 5.`,
      ),
      includeDeleted: optional(() => Boolean, 'Deleted ones too.'),
    }),
  };
}

function defineFilter(scope: TypeScope, kind: Kind): ClassType {
  const { kinds, fields, filters, filterOf, listFilterOf } = scope;
  const { one, many } = wordingOf(kind);
  const filter: ClassType = defineInputType(
    `${kind.name}Filter`,
    {
      and: optional(() => [filter], 'All of these match.'),
      or: optional(() => [filter], 'At least one of these matches.'),
      not: optional(() => filter, 'This does not match.'),
      id: optional(() => filters.id, `Id of the ${one}.`, kind.name),
      ...Object.fromEntries(
        Object.entries(kind.fields)
          .filter(([, field]) => field.inputOnly !== true)
          .map(([name, field]) => [
            name,
            optional(() => fields.filterOf(field), field.description),
          ]),
      ),
      ...Object.fromEntries(
        kind.parents.flatMap(({ name, idField, kind: parent, description }) => [
          [idField, optional(() => filters.id, `${description} By id.`, parent)],
          [name, optional(() => filterOf(parent), `${description} By what it is itself.`)],
        ]),
      ),
      ...Object.fromEntries(
        kinds
          .children(kind)
          .map(({ name, child, description }) => [
            name,
            optional(() => listFilterOf(child.name), description),
          ]),
      ),
      externalId: optional(() => filters.string, `Id of the ${one} in another system.`),
      createdAt: optional(() => filters.dateTime, `When the ${one} was made.`),
      updatedAt: optional(() => filters.dateTime, `When the ${one} was last changed.`),
      deletedAt: optional(() => filters.dateTime, `When the ${one} was deleted.`),
    },
    `Chooses ${many}: all that is given must match. Null is no condition and refused.`,
  );
  return filter;
}

function defineOrder({ orderings }: TypeScope, kind: Kind): ClassType {
  const { many } = wordingOf(kind);
  const orderables = [...orderings.orderablesOf(kind)];
  const field = Object.fromEntries(orderables.map(([key]) => [key, key]));
  registerEnumType(field, {
    name: `${kind.name}OrderField`,
    description: `What ${many} can be ordered by.`,
    valuesConfig: Object.fromEntries(
      orderables.map(([key, { description }]) => [key, { description }]),
    ),
  });
  return defineInputType(
    `${kind.name}Order`,
    {
      field: { type: () => field, description: 'What to order by.' },
      direction: { type: () => OrderDirection, description: 'Which way.' },
    },
    `An ordering of ${many}.`,
  );
}
