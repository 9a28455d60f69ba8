import type { ResolverMap } from '../../graphql/define-resolver';
import type { PlatformContext } from './platform-context';
import type { PlatformTypes } from './platform-types';
import type { PlatformRow } from './records/platform-record';
import type { RecordReader } from './records/record-reader';
import type { RecordSet } from './records/record-set';

/** What the resolvers of the operators' API are made of. */
export interface SchemaParts extends PlatformTypes {
  readonly set: RecordSet;
  readonly reader: RecordReader;
  readonly resolvers: ResolverMap;
}

/** A record as it is now, for a payload: what was loaded before the change is forgotten. */
export function readAgain(
  { set, reader }: Pick<SchemaParts, 'set' | 'reader'>,
  context: PlatformContext,
  name: string,
  id: string,
): Promise<PlatformRow | null> {
  context.loaders.clear();
  return reader.byId(context, set.get(name), id);
}
