import type { Catalog, TableCommit } from '../../../tables/catalog/catalog.ts'
import { randomIds } from '../../../tables/clock.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import type { TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import { append } from '../commit/sample-table.ts'

/** A commit that appends one snapshot to the head that the catalog shows now. */
export async function appendCommit(
  catalog: Catalog,
  identifier: TableIdentifier,
  id: bigint = randomIds.snapshotId(),
): Promise<TableCommit> {
  const table = await catalog.loadTable(identifier)
  if (table === undefined) throw new Error('the table of the test is missing')
  const parent = table.metadata['current-snapshot-id']
  return {
    identifier,
    requirements: [
      { type: 'assert-table-uuid', uuid: table.metadata['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parent ?? null },
    ],
    updates: append(id, {
      sequenceNumber: table.metadata['last-sequence-number'] + 1,
      ...(parent === undefined ? {} : { parent }),
    }),
  }
}

/** What a writer does: stage on the newest state, commit, and stage again after a conflict. */
export async function appendUntilDone(
  catalog: Catalog,
  identifier: TableIdentifier,
  id?: bigint,
): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    try {
      await catalog.commitTransaction([await appendCommit(catalog, identifier, id)])
      return
    } catch (error) {
      if (!isErrorKind(error, 'commit-conflict')) throw error
    }
  }
  throw new Error('500 conflicts in a row')
}
