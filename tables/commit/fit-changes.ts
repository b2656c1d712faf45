import type { LoadedTable } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { tableKey } from '../spec/table-identifier.ts'
import { tableOf } from './fence.ts'
import type { ManifestReader } from './snapshot-manifests.ts'
import { type ChangeConflict, isEmptyChange, type TableChange } from './table-change.ts'
import { validateChange } from './validate-change.ts'

export interface FitOptions {
  /** For messages: `cut 12`. */
  readonly what: string
  readonly rederive: ((conflict: ChangeConflict) => Promise<readonly TableChange[]>) | undefined
}

/**
 * The changes, if they fit on the tables' heads; else derived again by the caller, once, and
 * checked again. Never re-based blindly.
 * @param bases where a change does not name its base: the head when it was first seen
 * @throws SluiceError `commit-conflict` where they do not fit.
 */
export async function fitChanges(
  reader: ManifestReader,
  tables: ReadonlyMap<string, LoadedTable>,
  changes: readonly TableChange[],
  bases: Map<string, bigint | null>,
  options: FitOptions,
): Promise<readonly TableChange[]> {
  const conflict = await findConflict(reader, tables, changes, bases)
  if (conflict === undefined) return changes
  if (options.rederive === undefined) throw doesNotFit(options.what, conflict)
  const derived = await options.rederive(conflict)
  const again = derived.filter((change) => !isEmptyChange(change))
  bases.clear()
  const remaining = await findConflict(reader, tables, again, bases)
  if (remaining !== undefined) throw doesNotFit(options.what, remaining)
  return again
}

async function findConflict(
  reader: ManifestReader,
  tables: ReadonlyMap<string, LoadedTable>,
  changes: readonly TableChange[],
  bases: Map<string, bigint | null>,
): Promise<ChangeConflict | undefined> {
  const verdicts = await Promise.all(
    changes.map(async (change) => {
      const key = tableKey(change.identifier)
      const table = tableOf(tables, change.identifier)
      if (!bases.has(key)) bases.set(key, table.metadata['current-snapshot-id'] ?? null)
      const base =
        change.baseSnapshotId === undefined ? (bases.get(key) ?? null) : change.baseSnapshotId
      return { key, ...(await validateChange(reader, table, change, base)) }
    }),
  )
  const misfits = verdicts.filter((verdict) => !verdict.fits)
  if (misfits.length === 0) return undefined
  return {
    tables: misfits.map((verdict) => verdict.key),
    missingPaths: misfits.flatMap((verdict) => verdict.missingPaths),
  }
}

function doesNotFit(what: string, conflict: ChangeConflict): SluiceError {
  const missing = conflict.missingPaths[0]
  const reason =
    missing === undefined
      ? 'foreign commits touched what it was derived from'
      : `${conflict.missingPaths.length} files that it names were changed, the first is ${missing}`
  return new SluiceError(
    'commit-conflict',
    `${what} does not fit on ${conflict.tables.join(', ')} any more: ${reason}. Nothing of it ` +
      'was committed. Derive it again from the heads of these tables.',
    { isRetryable: true, context: { tables: conflict.tables.join(', ') } },
  )
}
