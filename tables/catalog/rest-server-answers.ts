import { stringifyJson } from '../spec/json.ts'
import { serializeTableMetadata } from '../spec/table-metadata-json.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { LoadedTable } from './catalog.ts'

/** An answer without a body, or with a body that is JSON text already. */
export interface RestAnswer {
  readonly status: number
  readonly json?: string
}

/** "Done, and nothing to say": existence checks, drops, renames, metrics, transactions. */
export const noContent: RestAnswer = { status: 204 }

export function answer(body: unknown): RestAnswer {
  return { status: 200, json: stringifyJson(body) }
}

/** A table as clients load it. `config` stays empty: credentials are each engine's own. */
export function tableAnswer(table: LoadedTable): RestAnswer {
  return {
    status: 200,
    json:
      `{"metadata-location":${JSON.stringify(table.metadataLocation)},` +
      `"metadata":${serializeTableMetadata(table.metadata)},"config":{}}`,
  }
}

/** A table that is staged: it has no metadata file yet. */
export function stagedTableAnswer(metadata: TableMetadata): RestAnswer {
  return { status: 200, json: `{"metadata":${serializeTableMetadata(metadata)},"config":{}}` }
}
