import type { Schema } from './schema.ts'

/**
 * View metadata, wire names kept. Members that a newer writer added are kept as they came.
 * Source: https://iceberg.apache.org/view-spec/#view-metadata
 */
export interface ViewMetadata {
  readonly 'view-uuid': string
  readonly 'format-version': 1
  readonly location: string
  readonly schemas: readonly Schema[]
  readonly 'current-version-id': number
  readonly versions: readonly ViewVersion[]
  /** Which version was current from when on, oldest first. */
  readonly 'version-log': readonly ViewVersionLogEntry[]
  readonly properties: Readonly<Record<string, string>>
}

/** One state of a view. Versions never change; a new definition is a new version. */
export interface ViewVersion {
  readonly 'version-id': number
  readonly 'timestamp-ms': number
  readonly 'schema-id': number
  readonly summary: Readonly<Record<string, string>>
  /** Where names in the SQL without a catalog are looked up; absent: in the view's own. */
  readonly 'default-catalog'?: string
  readonly 'default-namespace': readonly string[]
  readonly representations: readonly ViewRepresentation[]
}

/** The view's definition. `sql` is the only type there is; others are kept, never used. */
export type ViewRepresentation =
  SqlViewRepresentation | { readonly type: string; readonly [key: string]: unknown }

export interface SqlViewRepresentation {
  readonly type: 'sql'
  readonly sql: string
  /** Whose SQL it is: `trino`, `spark`, `duckdb`; at most one a version, whatever its case. */
  readonly dialect: string
}

export interface ViewVersionLogEntry {
  readonly 'timestamp-ms': number
  readonly 'version-id': number
}

export function isSqlRepresentation(
  representation: ViewRepresentation,
): representation is SqlViewRepresentation {
  return (
    representation.type.toLowerCase() === 'sql' &&
    typeof representation['sql'] === 'string' &&
    typeof representation['dialect'] === 'string'
  )
}

/** `engine-name` in the summary of versions that Sluice wrote. */
export const SLUICE_ENGINE = 'sluice'

/** The version that readers see. */
export function currentViewVersion(metadata: ViewMetadata): ViewVersion | undefined {
  const id = metadata['current-version-id']
  return metadata.versions.find((version) => version['version-id'] === id)
}

/** The SQL of the current version for a dialect, whatever its case; undefined where none is. */
export function viewSql(metadata: ViewMetadata, dialect: string): string | undefined {
  const wanted = dialect.toLowerCase()
  return currentViewVersion(metadata)
    ?.representations.filter(isSqlRepresentation)
    .find((representation) => representation.dialect.toLowerCase() === wanted)?.sql
}
