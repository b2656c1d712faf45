import { nowMs } from '../clock.ts'
import { isAlreadyApplied, isAlreadyCreated } from '../commit/already-applied.ts'
import { applyUpdates } from '../commit/apply-updates.ts'
import { checkRequirements } from '../commit/requirements.ts'
import { SluiceError } from '../errors.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { Catalog, LoadedTable, TableCommit } from './catalog.ts'
import { noSuchNamespace, noSuchTable, notAtomic, tableExists } from './catalog-errors.ts'
import { checkTableName } from './check-names.ts'
import type { MemoryParts } from './memory-pointers.ts'

const ATTEMPTS_MAX = 20

/** Check, apply, write the files, and move all pointers at one instant; again where one moved. */
export function memoryCommit(parts: MemoryParts, isAtomic: boolean): Catalog['commitTransaction'] {
  const { pointers, metadataFiles } = parts
  return async (commits) => {
    if (commits.length > 1 && !isAtomic) throw notAtomic(commits.length)
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const before = new Map(commits.map((one) => [one, pointers.find(one.identifier)]))
      if (commits.some((commit) => hasLanded(commit, before.get(commit)))) {
        return [...before.values()].filter((table) => table !== undefined)
      }
      const staged = stage(parts, commits)
      const changed = staged.filter((table) => pointers.find(table.identifier) !== table)
      await writeAll(parts, changed)
      const isMoved = commits.some((one) => pointers.find(one.identifier) !== before.get(one))
      if (!isMoved) {
        for (const table of changed) pointers.set(table)
        return staged
      }
      await metadataFiles.remove(changed.map((table) => table.metadataLocation))
    }
    throw new SluiceError(
      'commit-conflict',
      `Other writers moved the tables in each of ${ATTEMPTS_MAX} attempts. Nothing was ` +
        'committed; try again.',
      { isRetryable: true },
    )
  }
}

function hasLanded(commit: TableCommit, current: LoadedTable | undefined): boolean {
  if (current === undefined) return false
  const { metadata } = current
  return isCreate(commit)
    ? isAlreadyCreated(metadata, commit.updates)
    : isAlreadyApplied(metadata, commit.updates)
}

/** The tables after the commits, those of one table in their order. */
function stage(parts: MemoryParts, commits: readonly TableCommit[]): readonly LoadedTable[] {
  const staged = new Map<string, LoadedTable>()
  for (const commit of commits) {
    const { identifier } = commit
    const key = JSON.stringify([identifier.namespace, identifier.name])
    const current = parts.pointers.find(identifier)
    const base = staged.get(key) ?? current
    checkPlace(parts, commit, base)
    checkRequirements(base?.metadata, commit.requirements)
    const metadata = applyUpdates(base?.metadata, commit.updates, {
      nowMs: nowMs(parts.clock),
      ...(base === current && current !== undefined
        ? { metadataLocation: current.metadataLocation }
        : {}),
    })
    if (base !== undefined && metadata === base.metadata) staged.set(key, base)
    else {
      const previous = current?.metadataLocation
      const metadataLocation = parts.metadataFiles.nextLocation(metadata, previous)
      staged.set(key, { identifier, metadataLocation, metadata })
    }
  }
  return [...staged.values()]
}

function checkPlace(parts: MemoryParts, commit: TableCommit, base: LoadedTable | undefined): void {
  const { identifier } = commit
  if (!isCreate(commit)) {
    if (base === undefined) throw noSuchTable(identifier)
    return
  }
  checkTableName(identifier)
  if (parts.pointers.propertiesOf(identifier.namespace) === undefined) {
    throw noSuchNamespace(identifier.namespace)
  }
  if (base !== undefined) throw tableExists(identifier)
}

function isCreate({ requirements }: TableCommit): boolean {
  return requirements.some((requirement) => requirement.type === 'assert-create')
}

/** A failed write leaves no file behind. */
async function writeAll(
  { metadataFiles }: MemoryParts,
  tables: readonly LoadedTable[],
): Promise<void> {
  const writes = tables.map((table) => metadataFiles.write(table.metadataLocation, table.metadata))
  const failed = (await Promise.allSettled(writes)).find((end) => end.status === 'rejected')
  if (failed === undefined) return
  await metadataFiles.remove(tables.map((table) => table.metadataLocation))
  const names = tables.map((table) => tableKey(table.identifier)).join(', ')
  if (failed.reason instanceof SluiceError) throw failed.reason
  throw new SluiceError(
    'storage-unavailable',
    `The metadata of ${names} could not be written. Nothing was committed; see to the store.`,
    { cause: failed.reason },
  )
}
