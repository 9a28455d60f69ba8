/** The sealed URLs of a data source: which columns hold them, and whose they are. */
import type { DataSourceRow } from '../registry.store';
import type { KeyOwner } from './data-keys.store';
import type { SealedPlace } from './envelope';
import type { SecretBox } from './secret-box';

export const SEALED_URL_COLUMNS = ['url_sealed', 'migration_url_sealed'] as const;
export type SealedUrlColumn = (typeof SEALED_URL_COLUMNS)[number];

const ownerOf = (dataSourceId: string): KeyOwner => ({ kind: 'data_source', id: dataSourceId });
const placeOf = (dataSourceId: string, column: SealedUrlColumn): SealedPlace => ({
  rowId: dataSourceId,
  column,
});

/** The sealed values of a row, with the columns they stand in. */
export const sealedUrlsOf = ({
  urlSealed,
  migrationUrlSealed,
}: Pick<DataSourceRow, 'urlSealed' | 'migrationUrlSealed'>) => [
  { column: SEALED_URL_COLUMNS[0], value: urlSealed },
  ...(migrationUrlSealed === null
    ? []
    : [{ column: SEALED_URL_COLUMNS[1], value: migrationUrlSealed }]),
];

/** @throws as `SecretBox.seal`. */
export const sealDataSourceUrl = (
  secretBox: Pick<SecretBox, 'seal'>,
  dataSourceId: string,
  column: SealedUrlColumn,
  url: string,
): Promise<string> => secretBox.seal(ownerOf(dataSourceId), placeOf(dataSourceId, column), url);

/** @throws as `SecretBox.open`. */
export const openDataSourceUrl = (
  secretBox: Pick<SecretBox, 'open'>,
  dataSourceId: string,
  column: SealedUrlColumn,
  sealed: string,
): Promise<string> => secretBox.open(ownerOf(dataSourceId), placeOf(dataSourceId, column), sealed);

/** The URL of the run-time role. @throws as `SecretBox.open`. */
export const openUrl = (
  secretBox: Pick<SecretBox, 'open'>,
  { id, urlSealed }: Pick<DataSourceRow, 'id' | 'urlSealed'>,
): Promise<string> => openDataSourceUrl(secretBox, id, 'url_sealed', urlSealed);

/** The owner's URL, or undefined where the owner migrates. @throws as `SecretBox.open`. */
export async function openMigrationUrl(
  secretBox: Pick<SecretBox, 'open'>,
  { id, migrationUrlSealed }: Pick<DataSourceRow, 'id' | 'migrationUrlSealed'>,
): Promise<string | undefined> {
  if (migrationUrlSealed === null) return undefined;
  return openDataSourceUrl(secretBox, id, 'migration_url_sealed', migrationUrlSealed);
}
