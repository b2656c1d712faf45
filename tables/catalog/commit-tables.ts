import { type Clock, nowMs } from '../clock.ts'
import { isAlreadyApplied, isAlreadyCreated } from '../commit/already-applied.ts'
import { applyUpdates } from '../commit/apply-updates.ts'
import { checkRequirements } from '../commit/requirements.ts'
import { SluiceError } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { LoadedTable, TableCommit } from './catalog.ts'
import { alreadyCreated, noSuchNamespace, noSuchTable } from './catalog-errors.ts'
import { checkTableName } from './check-names.ts'
import type { MetadataFiles } from './metadata-files.ts'
import { writeThenPoint } from './write-then-point.ts'
import type { NamespaceStore } from './namespace-store.ts'
import type { PointerStore } from './pointer-store.ts'

export interface CommitParts {
  readonly pointers: PointerStore
  readonly namespaces: NamespaceStore
  readonly metadataFiles: MetadataFiles
  readonly clock: Clock
  readonly loadTable: (identifier: TableIdentifier) => Promise<LoadedTable | undefined>
}

/** How often a commit is tried again whose pointers were moved by another process meanwhile. */
const MAX_ATTEMPTS = 20

/** All commits of one table, in the order in which they were given. */
interface TableGroup {
  readonly identifier: TableIdentifier
  readonly commits: readonly TableCommit[]
}

interface StagedTable {
  readonly identifier: TableIdentifier
  readonly current: LoadedTable | undefined
  readonly metadata: TableMetadata
  /** The current file where the metadata did not change, else one that is not written yet. */
  readonly location: string
}

/**
 * Commits to one or many tables at one instant:
 *
 *   load -> check requirements -> apply updates -> write all metadata files -> move all pointers
 *
 * Only the last step is visible, and it moves every pointer or none. Where another process was
 * faster, all of it is done again on the new state. Once the pointers have moved nothing can fail.
 * Answers one loaded table for each table, in the order of first mention.
 */
export async function commitTables(
  parts: CommitParts,
  commits: readonly TableCommit[],
): Promise<readonly LoadedTable[]> {
  const groups = groupByTable(commits)
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const currents = await Promise.all(groups.map(({ identifier }) => parts.loadTable(identifier)))
    if (groups.some((group, index) => hasLanded(group, currents[index]))) {
      return currents.filter((current) => current !== undefined)
    }
    const staged = groups.map((group, index) => stageTable(parts, group, currents[index]))
    if (await makeVisible(parts, staged)) return finish(parts, staged)
  }
  throw new SluiceError(
    'commit-conflict',
    `Other writers moved ${groups.map(({ identifier }) => tableKey(identifier)).join(', ')} in ` +
      `each of ${MAX_ATTEMPTS} attempts. Nothing was committed; try again.`,
    { isRetryable: true },
  )
}

function groupByTable(commits: readonly TableCommit[]): readonly TableGroup[] {
  const groups = new Map<string, { identifier: TableIdentifier; commits: TableCommit[] }>()
  for (const commit of commits) {
    const key = JSON.stringify([commit.identifier.namespace, commit.identifier.name])
    const group = groups.get(key)
    if (group !== undefined) group.commits.push(commit)
    else groups.set(key, { identifier: commit.identifier, commits: [commit] })
  }
  return [...groups.values()]
}

/** A commit lands whole, so one table that has it is proof for all of them. */
function hasLanded(group: TableGroup, current: LoadedTable | undefined): boolean {
  if (current === undefined) return false
  const updates = group.commits.flatMap((commit) => commit.updates)
  return isCreate(group)
    ? isAlreadyCreated(current.metadata, updates)
    : isAlreadyApplied(current.metadata, updates)
}

function isCreate(group: TableGroup): boolean {
  const requirements = group.commits[0]?.requirements ?? []
  return requirements.some((requirement) => requirement.type === 'assert-create')
}

function stageTable(
  parts: CommitParts,
  group: TableGroup,
  current: LoadedTable | undefined,
): StagedTable {
  const { identifier, commits } = group
  checkPlace(parts, group, current)
  const now = nowMs(parts.clock)
  let state = current?.metadata
  for (const commit of commits) {
    checkRequirements(state, commit.requirements)
    // A later commit of the same table is checked against what the earlier ones made of it.
    if (commits.length > 1) state = applyUpdates(state, commit.updates, { nowMs: now })
  }
  const metadata = applyUpdates(
    current?.metadata,
    commits.flatMap((commit) => commit.updates),
    {
      nowMs: now,
      ...(current === undefined ? {} : { metadataLocation: current.metadataLocation }),
    },
  )
  const location =
    current !== undefined && metadata === current.metadata
      ? current.metadataLocation
      : parts.metadataFiles.nextLocation(metadata, current?.metadataLocation)
  return { identifier, current, metadata, location }
}

function checkPlace(parts: CommitParts, group: TableGroup, current: LoadedTable | undefined): void {
  const { identifier } = group
  if (!isCreate(group)) {
    if (current === undefined) throw noSuchTable(identifier)
    return
  }
  checkTableName(identifier)
  if (!parts.namespaces.exists(identifier.namespace)) throw noSuchNamespace(identifier.namespace)
  if (current !== undefined) throw alreadyCreated(identifier)
}

/** Writes the files, then moves the pointers. False where another writer was faster. */
async function makeVisible(
  { metadataFiles, pointers }: CommitParts,
  staged: readonly StagedTable[],
): Promise<boolean> {
  const written = staged.filter((table) => table.location !== table.current?.metadataLocation)
  return writeThenPoint(metadataFiles, written, () =>
    pointers.swap(
      staged.map(({ identifier, current, location }) => ({
        identifier,
        from: current?.metadataLocation,
        to: location,
      })),
    ),
  )
}

async function finish(
  parts: CommitParts,
  staged: readonly StagedTable[],
): Promise<readonly LoadedTable[]> {
  await parts.metadataFiles.remove(staged.flatMap(filesToForget))
  return staged.map(({ identifier, location, metadata }) => ({
    identifier,
    metadataLocation: location,
    metadata,
  }))
}

/** Files that fell out of the metadata log, where the table wants them deleted with the commit. */
function filesToForget({ current, metadata }: StagedTable): readonly string[] {
  const isWanted = metadata.properties['write.metadata.delete-after-commit.enabled'] === 'true'
  if (!isWanted || current === undefined) return []
  const kept = new Set(metadata['metadata-log'].map((entry) => entry['metadata-file']))
  return current.metadata['metadata-log']
    .map((entry) => entry['metadata-file'])
    .filter((location) => !kept.has(location))
}
