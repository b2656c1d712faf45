import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableUpdate } from '../spec/table-update.ts'

/**
 * True where these very updates are in the table already: a commit that landed while its answer
 * was lost, and that the client sends again. Such a client would take a refusal for a failure and
 * delete files that the table needs.
 *
 * A snapshot is known again by its id and its manifest list, which is written anew for each
 * attempt; so another commit that happens to use the same id is not taken for it.
 */
export function isAlreadyApplied(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
): boolean {
  return updates.some((update) => {
    if (update.action !== 'add-snapshot') return false
    const { 'snapshot-id': id, 'manifest-list': manifestList } = update.snapshot
    return metadata.snapshots.some(
      (known) => known['snapshot-id'] === id && known['manifest-list'] === manifestList,
    )
  })
}

/** The same for a commit that made the table: its own uuid is the table's. */
export function isAlreadyCreated(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
): boolean {
  const uuid = updates.find((update) => update.action === 'assign-uuid')?.uuid
  const addsSnapshots = updates.some((update) => update.action === 'add-snapshot')
  const isSameTable = uuid?.toLowerCase() === metadata['table-uuid'].toLowerCase()
  return isSameTable && (!addsSnapshots || isAlreadyApplied(metadata, updates))
}
