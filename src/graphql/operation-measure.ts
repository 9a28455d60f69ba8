/**
 * What an operation asks for, counted before any of it is done.
 *
 * One pass over the selections, each fragment measured once and its figures reused at every spread:
 * sixteen fragments that each spread the next one twice name 65,536 fields but cost sixteen visits.
 * Counts are those after expansion, for that is the work the executor would do.
 */
import { Kind, isCompositeType, getNamedType } from 'graphql';
import type {
  ArgumentNode,
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLCompositeType,
  GraphQLField,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode,
  ValueNode,
} from 'graphql';
import { queryTooComplex } from '../errors';
import { extensionsOf } from './extensions';
import type { FieldExtensions } from './extensions';

export interface OperationMeasure {
  /** Levels of nested fields; what lies beneath `__schema` and `__type` does not count. */
  readonly depth: number;
  /** Fields that carry an alias. */
  readonly aliases: number;
  readonly directives: number;
  /** Fields written again beside the same field; what fragments repeat does not count. */
  readonly repeats: number;
  /** Selected fields of all levels. */
  readonly fields: number;
  /**
   * Records the operation may load at most: a connection loads its page, another field with SQL
   * statements one record, each times the pages around it.
   */
  readonly cost: number;
  /** SQL statements the operation may need at most, whatever the rows. */
  readonly statements: number;
  /** Fields of the topmost level. */
  readonly rootFields: number;
  /** Asks for `__schema` or `__type`. */
  readonly introspects: boolean;
}

export interface MeasuredOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Raw values as the client sent them: an unusable page size counts as the largest. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Measures a valid operation; tolerates an invalid one (unknown names count, cycles end). */
export function measureOperation(given: MeasuredOperation): OperationMeasure {
  const known = measures.get(given.operation);
  if (known?.schema === given.schema) return known.measure;
  const measurement = new Measurement(given);
  const measure = measurement.ofOperation();
  if (!measurement.dependsOnVariables) {
    measures.set(given.operation, { schema: given.schema, measure });
  }
  return measure;
}

/** Of operations whose page sizes stand in the document: those measure the same each time. */
const measures = new WeakMap<
  OperationDefinitionNode,
  { readonly schema: GraphQLSchema; readonly measure: OperationMeasure }
>();

/** Upper bounds of a measure; `selections` bounds the expanded fields. */
export interface OperationLimits {
  readonly depth: number;
  /** Bounds repeats as well, which are aliases that were left out. */
  readonly aliases: number;
  readonly directives: number;
  readonly selections: number;
  readonly cost: number;
}

/** @throws AppError QUERY_TOO_COMPLEX naming the first limit the measure exceeds. */
export function assertWithinLimits(measure: OperationMeasure, limits: OperationLimits): void {
  const { aliases } = limits;
  assertAtMost('depth', measure.depth, limits.depth, 'levels deep');
  assertAtMost('aliases', measure.aliases, aliases, 'aliases');
  assertAtMost('repeats', measure.repeats, aliases, 'repeated fields');
  assertAtMost('directives', measure.directives, limits.directives, 'directives');
  assertAtMost('fields', measure.fields, limits.selections, 'fields');
  assertAtMost('cost', measure.cost, limits.cost, 'records');
}

function assertAtMost(limitName: string, requested: number, limit: number, unit: string): void {
  if (requested <= limit) return;
  throw queryTooComplex(
    `This operation asks for ${requested} ${unit}, but at most ${limit} are allowed: ask for less at once.`,
    { limitName, requested, limit },
  );
}

type Figures = Omit<OperationMeasure, 'introspects'>;

const NOTHING: Figures = {
  depth: 0,
  aliases: 0,
  repeats: 0,
  directives: 0,
  fields: 0,
  cost: 0,
  statements: 0,
  rootFields: 0,
};

/** Beyond this a figure says no more than "far too much", and stays exact and printable. */
const capped = (figure: number): number => Math.min(figure, Number.MAX_SAFE_INTEGER);

const beside = (a: Figures, b: Figures): Figures => ({
  depth: Math.max(a.depth, b.depth),
  aliases: capped(a.aliases + b.aliases),
  repeats: capped(a.repeats + b.repeats),
  directives: capped(a.directives + b.directives),
  fields: capped(a.fields + b.fields),
  cost: capped(a.cost + b.cost),
  statements: capped(a.statements + b.statements),
  rootFields: capped(a.rootFields + b.rootFields),
});

const INTROSPECTION_FIELDS: ReadonlySet<string> = new Set(['__schema', '__type']);

class Measurement {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly measured = new Map<string, Figures>();
  private introspects = false;
  /** Whether a page size is a variable. */
  dependsOnVariables = false;

  constructor(private readonly given: MeasuredOperation) {
    for (const definition of given.document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) {
        this.fragments.set(definition.name.value, definition);
      }
    }
  }

  ofOperation(): OperationMeasure {
    const { schema, operation } = this.given;
    const root = schema.getRootType(operation.operation) ?? undefined;
    const figures = this.ofSelections(operation.selectionSet, root);
    return {
      ...figures,
      directives: figures.directives + (operation.directives?.length ?? 0),
      introspects: this.introspects,
    };
  }

  private ofSelections(set: SelectionSetNode, parent: GraphQLCompositeType | undefined): Figures {
    let total = NOTHING;
    const names = new Set<string>();
    for (const selection of set.selections) {
      const directives = selection.directives?.length ?? 0;
      if (directives > 0) total = beside(total, { ...NOTHING, directives });
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        if (names.has(name)) total = beside(total, { ...NOTHING, repeats: 1 });
        names.add(name);
        total = beside(total, this.ofField(selection, parent));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const type = selection.typeCondition
          ? this.compositeType(selection.typeCondition.name.value)
          : parent;
        total = beside(total, this.ofSelections(selection.selectionSet, type));
      } else {
        total = beside(total, this.ofFragment(selection.name.value));
      }
    }
    return total;
  }

  private ofFragment(name: string): Figures {
    const known = this.measured.get(name);
    if (known) return known;
    const fragment = this.fragments.get(name);
    if (!fragment) return NOTHING;
    // Stands for itself while it is being measured, so that a cycle ends here.
    this.measured.set(name, NOTHING);
    const figures = this.ofSelections(
      fragment.selectionSet,
      this.compositeType(fragment.typeCondition.name.value),
    );
    this.measured.set(name, figures);
    return figures;
  }

  private ofField(node: FieldNode, parent: GraphQLCompositeType | undefined): Figures {
    const name = node.name.value;
    const introspection = INTROSPECTION_FIELDS.has(name);
    if (introspection) this.introspects = true;
    const field = fieldOf(parent, name);
    const extensions: FieldExtensions = field ? extensionsOf(field) : {};
    const type = field ? getNamedType(field.type) : undefined;
    const children = node.selectionSet
      ? this.ofSelections(node.selectionSet, isCompositeType(type) ? type : undefined)
      : NOTHING;
    const statements = extensions.statements ?? 0;
    const page = extensions.connection ? this.pageSize(node, extensions.connection) : 1;
    const loads = extensions.connection || statements > 0 ? 1 : 0;
    return {
      // graphql-js bounds the depth of introspection itself (MaxIntrospectionDepthRule).
      depth: introspection ? 1 : children.depth + 1,
      aliases: children.aliases + (node.alias ? 1 : 0),
      repeats: children.repeats,
      directives: children.directives,
      fields: children.fields + 1,
      cost: capped(page * (loads + children.cost)),
      statements: statements + children.statements,
      rootFields: 1,
    };
  }

  private pageSize(
    node: FieldNode,
    connection: NonNullable<FieldExtensions['connection']>,
  ): number {
    for (const argument of node.arguments ?? []) {
      if (argument.name.value !== 'first' && argument.name.value !== 'last') continue;
      const size = this.integerOf(argument);
      if (size === undefined) continue;
      // A size out of range is the connection's to refuse, as bad user input; here it only must
      // not count as less than a page that could be served.
      return size >= 1 && size <= connection.maxFirst ? size : connection.maxFirst;
    }
    return connection.defaultFirst;
  }

  /** @returns undefined when the argument is absent or null; NaN when it is no number. */
  private integerOf(argument: ArgumentNode): number | undefined {
    const { value } = argument;
    if (value.kind !== Kind.VARIABLE) return literalInteger(value);
    this.dependsOnVariables = true;
    const given = this.given.variables[value.name.value];
    if (given === null) return undefined;
    if (given !== undefined) return typeof given === 'number' ? given : Number.NaN;
    const definition = this.given.operation.variableDefinitions?.find(
      ({ variable }) => variable.name.value === value.name.value,
    );
    return definition?.defaultValue && literalInteger(definition.defaultValue);
  }

  private compositeType(name: string): GraphQLCompositeType | undefined {
    const type = this.given.schema.getType(name);
    return isCompositeType(type) ? type : undefined;
  }
}

function literalInteger(value: ValueNode): number | undefined {
  if (value.kind === Kind.NULL) return undefined;
  return value.kind === Kind.INT ? Number(value.value) : Number.NaN;
}

function fieldOf(
  parent: GraphQLCompositeType | undefined,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  return parent && 'getFields' in parent ? parent.getFields()[name] : undefined;
}
