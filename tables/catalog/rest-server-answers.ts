import { createHash } from 'node:crypto'

import { stringifyJson } from '../spec/json.ts'
import { serializeTableMetadata } from '../spec/table-metadata-json.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { serializeViewMetadata } from '../spec/view-metadata-json.ts'
import type { LoadedTable } from './catalog.ts'
import { type StorageConfig, storageCredentials } from './vended-storage.ts'
import type { LoadedView } from './view-catalog.ts'

/** An answer without a body, or with a body that is JSON text already. */
export interface RestAnswer {
  readonly status: number
  readonly json?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** "Done, and nothing to say": existence checks, drops, renames, metrics, transactions. */
export const noContent: RestAnswer = { status: 204 }

export function answer(body: unknown): RestAnswer {
  return { status: 200, json: stringifyJson(body) }
}

/** A table as clients load it, with what they are told of its store. */
export function tableAnswer(table: LoadedTable, config: StorageConfig): RestAnswer {
  return {
    status: 200,
    headers: { etag: tableTag(table, 'all', config) },
    json:
      `{"metadata-location":${JSON.stringify(table.metadataLocation)},` +
      `"metadata":${serializeTableMetadata(table.metadata)},${configText(config)}}`,
  }
}

/**
 * A table for a client that may have it already: 304 where it does. With `refs` only the snapshots
 * that a branch or a tag names; a client asks for the others when it needs them.
 */
export function loadedTableAnswer(
  table: LoadedTable,
  snapshots: 'all' | 'refs',
  ifNoneMatch: string | undefined,
  config: StorageConfig,
): RestAnswer {
  const etag = tableTag(table, snapshots, config)
  if (hasTag(ifNoneMatch, etag)) return { status: 304, headers: { etag } }
  const shown = snapshots === 'refs' ? withRefsOnly(table) : table
  return { ...tableAnswer(shown, config), headers: { etag } }
}

/** A table that is staged: it has no metadata file yet. */
export function stagedTableAnswer(metadata: TableMetadata, config: StorageConfig): RestAnswer {
  const json = `{"metadata":${serializeTableMetadata(metadata)},${configText(config)}}`
  return { status: 200, json }
}

/** The members of an answer that say how to reach the files. */
function configText(config: StorageConfig): string {
  const credentials = storageCredentials(config)
  const listed =
    credentials.length === 0 ? '' : `,"storage-credentials":${JSON.stringify(credentials)}`
  return `"config":${JSON.stringify(config)}${listed}`
}

export function viewAnswer(view: LoadedView): RestAnswer {
  return {
    status: 200,
    json:
      `{"metadata-location":${JSON.stringify(view.metadataLocation)},` +
      `"metadata":${serializeViewMetadata(view.metadata)},"config":{}}`,
  }
}

/**
 * A metadata file never changes, so its name, the form of the answer and what is told of the store
 * say what it holds.
 */
function tableTag(
  { metadataLocation }: LoadedTable,
  snapshots: 'all' | 'refs',
  config: StorageConfig,
): string {
  const said = `${snapshots} ${metadataLocation} ${JSON.stringify(config)}`
  const digest = createHash('sha256').update(said).digest('hex')
  return `"${digest.slice(0, 32)}"`
}

/** Proxies may have marked the tag as weak. */
function hasTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known.includes(etag)
}

function withRefsOnly(table: LoadedTable): LoadedTable {
  const named = new Set(Object.values(table.metadata.refs).map((ref) => ref['snapshot-id']))
  const snapshots = table.metadata.snapshots.filter((known) => named.has(known['snapshot-id']))
  return { ...table, metadata: { ...table.metadata, snapshots } }
}
