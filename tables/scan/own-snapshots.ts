import { TOKEN_KEY } from '../spec/cut-history.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'

/** Of a snapshot that was picked from elsewhere: its files are those of whoever wrote that one. */
const PICKED_KEY = 'source-snapshot-id'

/** Snapshots whose files our own writer made: these have field ids and all columns. */
export function ownSnapshots({ snapshots }: TableMetadata): readonly Snapshot[] {
  return snapshots.filter(
    ({ summary }) => summary[TOKEN_KEY] !== undefined && summary[PICKED_KEY] === undefined,
  )
}
