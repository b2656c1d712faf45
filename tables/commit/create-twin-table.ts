import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import type { IdSource } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import { joinLocation } from '../file-io/location.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { currentSchema, defaultSortOrder, defaultSpec } from '../write/current-layout.ts'

export interface TwinPlace {
  readonly identifier: TableIdentifier
  /** Where its metadata goes. */
  readonly location: string
  /** Where the files of its rows go; they outlive it. */
  readonly dataLocation: string
}

/** Properties of a table that say how the files of its rows are written. */
const WRITING = /^write\.(parquet|format|metadata\.metrics)\b/

/**
 * Makes an empty table with the layout of another one: the same columns with the same field ids,
 * partition spec and sort order, so that files which an engine writes into it can be taken over by
 * `adoptTwinFiles`. It is made by a commit and not by a request to create a table: only the former
 * keeps field ids whatever the catalog is.
 */
export async function createTwinTable(
  { catalog, ids }: { readonly catalog: Catalog; readonly ids: IdSource },
  original: LoadedTable,
  place: TwinPlace,
): Promise<LoadedTable> {
  const { metadata } = original
  const kept = Object.entries(metadata.properties).filter(([name]) => WRITING.test(name))
  const [twin] = await catalog.commitTransaction([
    {
      identifier: place.identifier,
      requirements: [{ type: 'assert-create' }],
      updates: [
        { action: 'assign-uuid', uuid: ids.uuid() },
        { action: 'upgrade-format-version', 'format-version': metadata['format-version'] },
        { action: 'set-location', location: place.location },
        {
          action: 'add-schema',
          schema: { ...currentSchema(metadata), 'schema-id': 0 },
          'last-column-id': metadata['last-column-id'],
        },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'add-spec', spec: { ...defaultSpec(metadata), 'spec-id': 0 } },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'add-sort-order', 'sort-order': defaultSortOrder(metadata) },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
        {
          action: 'set-properties',
          updates: {
            ...Object.fromEntries(kept),
            'write.data.path': joinLocation(place.dataLocation),
          },
        },
      ],
    },
  ])
  if (twin !== undefined) return twin
  throw new SluiceError(
    'storage-unavailable',
    `The catalog made ${tableKey(place.identifier)} without an answer. Nothing was written to ` +
      'it. Start again.',
  )
}
