/**
 * Which columns are read of a kind's records: those that the fields a query selects are made of, and
 * the id. A row is never asked for what it lacks, for both sides follow from the same selection; a
 * field that is unknown here brings the whole row.
 */
import { readableColumns, selectList, selectListOf } from '../columns';
import type { Kind, KindSet } from '../kind';
import { perKind } from '../per-kind';

/** A set of columns of one kind; the same set is the same object. */
export interface RowShape {
  /** Tells the shapes of one kind apart. */
  readonly number: number;
  /** Over the alias `t`. */
  readonly selectList: string;
  /** The row's keys in the order of the select list. */
  readonly keys: readonly string[];
}

/**
 * Shapes of one kind. Every shape makes statements of its own, and the server keeps their texts: a
 * client that asks for ever new sets of fields gets whole rows in the end.
 */
const MAX_SHAPES = 64;

export interface RowShapes {
  whole(kind: Kind): RowShape;
  /** @param fields names of the record's fields in the API. */
  ofFields(kind: Kind, fields: Iterable<string>): RowShape;
}

export function createRowShapes(kinds: KindSet): RowShapes {
  const keysByField = perKind((kind) => keysOfFields(kinds, kind));
  const whole = perKind((kind): RowShape => ({
    number: 0,
    selectList: selectList(kind),
    keys: readableColumns(kind).map(([key]) => key),
  }));
  const known = perKind(() => new Map<string, RowShape>());
  return {
    whole,
    ofFields(kind, fields) {
      const needed = new Set(['id']);
      for (const field of fields) {
        const keys = keysByField(kind).get(field);
        if (keys === undefined) return whole(kind);
        for (const key of keys) needed.add(key);
      }
      const keys = readableColumns(kind)
        .map(([key]) => key)
        .filter((key) => needed.has(key));
      const name = keys.join();
      const shapes = known(kind);
      const shape = shapes.get(name);
      if (shape !== undefined) return shape;
      if (shapes.size >= MAX_SHAPES) return whole(kind);
      const added = { number: shapes.size + 1, selectList: selectListOf(kind, needed), keys };
      shapes.set(name, added);
      return added;
    },
  };
}

/** The row's keys that each field of the record's type is resolved from. */
function keysOfFields(kinds: KindSet, kind: Kind): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>([['__typename', []]]);
  for (const [key] of readableColumns(kind)) keys.set(key, [key]);
  for (const [name, { type }] of Object.entries(kind.fields)) {
    if (type === 'money') keys.set(name, [name, `${name}Currency`]);
  }
  for (const { name, idField } of kind.parents) keys.set(name, [idField]);
  for (const { name } of kinds.children(kind)) keys.set(name, ['id']);
  return keys;
}
