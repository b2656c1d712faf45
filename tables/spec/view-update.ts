import type { Schema } from './schema.ts'
import type { TableUpdate } from './table-update.ts'
import type { ViewVersion } from './view-metadata.ts'

/** What views have in common with tables. */
type SharedAction =
  'assign-uuid' | 'upgrade-format-version' | 'set-location' | 'set-properties' | 'remove-properties'

/** A change to view metadata, as the REST catalog's `updates` say it (wire names kept). */
export type ViewUpdate =
  | Extract<TableUpdate, { readonly action: SharedAction }>
  | { readonly action: 'add-schema'; readonly schema: Schema; readonly 'last-column-id'?: number }
  /** `schema-id` -1 is the schema that was added last. */
  | { readonly action: 'add-view-version'; readonly 'view-version': ViewVersion }
  /** -1 is the version that was added last. */
  | { readonly action: 'set-current-view-version'; readonly 'view-version-id': number }

/** What must be true of the view for a commit to be made. */
export interface ViewRequirement {
  readonly type: 'assert-view-uuid'
  readonly uuid: string
}
