import type { Schema } from '../spec/schema.ts'
import type { ViewMetadata, ViewVersion } from '../spec/view-metadata.ts'
import { applyViewUpdates } from './apply-view-updates.ts'

export interface NewView {
  readonly uuid: string
  readonly location: string
  readonly schema: Schema
  /** Its ids and its time are given anew. */
  readonly version: ViewVersion
  readonly properties: Readonly<Record<string, string>>
  readonly nowMs: number
}

/**
 * The first metadata of a view, as the reference catalog makes it: schema 0, version 1. Throws
 * `invalid-input` where the version has two texts for one dialect.
 */
export function createViewMetadata(view: NewView): ViewMetadata {
  const version = { 'version-id': 1, 'timestamp-ms': view.nowMs, 'schema-id': -1 }
  return applyViewUpdates(
    undefined,
    [
      { action: 'assign-uuid', uuid: view.uuid },
      { action: 'set-location', location: view.location.replace(/(?<=[^/:])\/+$/, '') },
      { action: 'set-properties', updates: view.properties },
      { action: 'add-schema', schema: view.schema },
      { action: 'add-view-version', 'view-version': { ...view.version, ...version } },
      { action: 'set-current-view-version', 'view-version-id': -1 },
    ],
    { nowMs: view.nowMs },
  )
}
