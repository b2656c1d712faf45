import { z } from 'zod'

import { isErrorKind } from '../errors.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { readTableMetadata } from '../spec/table-metadata-json.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { LoadedTable } from './catalog.ts'
import type { RestPurpose } from './rest-client-errors.ts'
import { unreadable } from './rest-client-errors.ts'

/** Answers of a REST catalog as they are read. Members that are not named here are not looked at. */

/** Some catalogs leave the text `null` where they mean nothing. */
const nextPage = z
  .string()
  .nullish()
  .transform((token) => (token === null || token === '' ? undefined : token))

export const namespacesBody = z.looseObject({
  namespaces: z.array(z.array(z.string())),
  'next-page-token': nextPage,
})

export const identifiersBody = z.looseObject({
  identifiers: z.array(z.looseObject({ namespace: z.array(z.string()), name: z.string() })),
  'next-page-token': nextPage,
})

const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((members) => members ?? {})

export const namespaceBody = z.looseObject({ properties: texts })

const names = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? [])

export const propertyChangesBody = z.looseObject({ updated: names, removed: names, missing: names })

/** `config` is not read: credentials that a catalog gives out are each engine's own. */
export const tableBody = z.looseObject({
  'metadata-location': z.string().nullish(),
  metadata: z.unknown(),
})

/** A table that is there: it has a metadata file. */
export function loadedTable(
  identifier: TableIdentifier,
  body: z.output<typeof tableBody>,
  purpose: RestPurpose,
): LoadedTable {
  const metadataLocation = body['metadata-location'] ?? undefined
  if (metadataLocation === undefined) {
    throw unreadable(undefined, purpose, 'it names no metadata-location')
  }
  return { identifier, metadataLocation, metadata: readMetadata(body.metadata, purpose) }
}

/** A table that may be staged only. */
export function readMetadata(value: unknown, purpose: RestPurpose): TableMetadata {
  try {
    return readTableMetadata(value)
  } catch (error) {
    // After a change even a broken answer means that the change may have been made.
    if (purpose.hasEffect && isErrorKind(error, 'corrupt-data')) {
      throw unreadable(error, purpose, error.message)
    }
    throw error
  }
}
