import { createManifestCache } from '../../tables/scan/manifest-cache.ts'
import { contentKey } from '../../tables/spec/content-key.ts'
import type { ManifestEntry } from '../../tables/spec/manifest.ts'
import { findSnapshot } from '../../tables/spec/cut-history.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { fileNameOf } from '../../tables/file-io/location.ts'
import type { BrokenFiles } from './broken-files.ts'
import type { CutOfSnapshot } from './cut-of-snapshot.ts'
import { type CheckResult, counted, type Finding, FINDINGS_MAX } from './finding.ts'
import { listNamedFiles, type NamedFile, type NamedFiles } from './list-named-files.ts'
import type { PinnedLake, PinnedTable } from './pin-lake.ts'

/**
 * Whether every file that a table names is there, with the size that it should have, and no data
 * file is named twice. The folders are listed once; only files elsewhere are asked for one by one.
 * Files that are broken go into `broken`, and who added each live
 * one into `addedBy`.
 */
export async function checkFiles(
  pinnedLake: PinnedLake,
  broken: BrokenFiles,
  { cutOf, addedBy }: { readonly cutOf: CutOfSnapshot; readonly addedBy: Map<string, bigint> },
): Promise<CheckResult> {
  const findings: Finding[] = []
  const notes: string[] = []
  let checkedCount = 0
  for (const table of pinnedLake.tables.values()) {
    const found = await checkTableFiles(pinnedLake, table, cutOf)
    checkedCount += found.checkedCount
    findings.push(...found.findings)
    notes.push(...found.notes)
    for (const { file, snapshotId } of found.liveEntries) {
      if (snapshotId !== null) addedBy.set(file.filePath, snapshotId)
    }
    for (const location of found.brokenContent) broken.locations.add(location)
    if (found.isUnlistable) broken.tables.add(table.name)
  }
  return { name: 'files', checkedCount, unit: 'files', findings, notes }
}

interface TableFiles {
  readonly checkedCount: number
  readonly findings: readonly Finding[]
  readonly notes: readonly string[]
  readonly brokenContent: readonly string[]
  readonly liveEntries: readonly ManifestEntry[]
  readonly isUnlistable: boolean
}

async function checkTableFiles(
  { lake }: PinnedLake,
  { name, loaded, pinned }: PinnedTable,
  cutOf: CutOfSnapshot,
): Promise<TableFiles> {
  const pinnedId = pinned.metadata['current-snapshot-id']
  const named = await listNamedFiles(lake, loaded, pinnedId)
  const found = await findWrong(lake, loaded, named)
  const wrong = await withoutExpired(lake, name, pinnedId, found)
  const findings: Finding[] = []
  for (const { file, fact, isMissing } of wrong.slice(0, FINDINGS_MAX)) {
    const cut = await cutOf(name, file.snapshotId)
    findings.push(fileFinding(name, file, fact, isMissing, cut))
  }
  for (const entry of doubled(named.liveEntries)) {
    findings.push(doubledFinding(name, entry, await cutOf(name, entry.snapshotId ?? undefined)))
  }
  const isTree = ({ file }: WrongFile) => file.role === 'manifest' || file.role === 'manifest list'
  const more = wrong.length - FINDINGS_MAX
  return {
    checkedCount: named.files.size,
    findings,
    notes: more > 0 ? [`${name}: ${counted(more, 'more file')} gone or broken`] : [],
    liveEntries: named.liveEntries,
    brokenContent: wrong.map(({ file }) => file.location),
    isUnlistable: wrong.some((each) => each.file.isLive && isTree(each)),
  }
}

interface WrongFile {
  readonly file: NamedFile
  readonly fact: string
  readonly isMissing: boolean
}

async function findWrong(
  { fileIO }: PinnedLake['lake'],
  { metadata }: PinnedTable['loaded'],
  { files, unreadable }: NamedFiles,
): Promise<WrongFile[]> {
  const sizes = new Map<string, number>()
  for await (const { location, sizeBytes } of fileIO.list(`${metadata.location}/`)) {
    sizes.set(location, sizeBytes)
  }
  const wrong: WrongFile[] = []
  for (const file of files.values()) {
    const { location } = file
    const sizeBytes = sizes.get(location) ?? (await fileIO.stat(location))?.sizeBytes
    if (sizeBytes === undefined) {
      wrong.push({ file, fact: 'is gone', isMissing: true })
    } else if (file.sizeBytes !== undefined && file.sizeBytes !== sizeBytes) {
      const fact = `has ${sizeBytes} bytes and not the ${file.sizeBytes} that its table says`
      wrong.push({ file, fact, isMissing: false })
    }
  }
  const known = new Set(wrong.map(({ file }) => file.location))
  for (const { file, error } of unreadable) {
    if (known.has(file.location)) continue
    wrong.push({ file, fact: `cannot be read (${error.message})`, isMissing: false })
  }
  return wrong
}

/** What a writer expired and deleted since the tables were loaded is no loss. */
async function withoutExpired(
  lake: PinnedLake['lake'],
  name: string,
  pinnedId: bigint | undefined,
  wrong: readonly WrongFile[],
): Promise<readonly WrongFile[]> {
  if (!wrong.some(({ isMissing }) => isMissing)) return wrong
  const now = await lake.catalog.loadTable(tableId(name))
  if (now === undefined) return wrong
  const reader = { fileIO: lake.fileIO, manifestCache: createManifestCache() }
  const { files } = await listNamedFiles(reader, now, now.metadata['current-snapshot-id'])
  const isPinnedKept = pinnedId !== undefined && findSnapshot(now.metadata, pinnedId) !== undefined
  return wrong.filter(
    ({ file, isMissing }) =>
      !isMissing || files.has(file.location) || (file.isLive && isPinnedKept),
  )
}

function* doubled(entries: readonly ManifestEntry[]): Generator<ManifestEntry> {
  const seen = new Set<string>()
  for (const entry of entries) {
    const key = contentKey(entry.file)
    if (seen.has(key)) yield entry
    seen.add(key)
  }
}

function fileFinding(
  table: string,
  { location, role, isLive }: NamedFile,
  fact: string,
  isMissing: boolean,
  cut: number | undefined,
): Finding {
  const meaning =
    role === 'statistics'
      ? 'Planners of other engines lose an estimate; no row is touched.'
      : !isLive
        ? 'Reads of older snapshots fail; the newest state does not need it.'
        : role === 'data'
          ? 'Its rows cannot be read.'
          : role === 'deletes'
            ? 'Rows that it deletes cannot be told from live ones.'
            : 'No row that it leads to can be read.'
  return {
    ...{ check: 'files', kind: isMissing ? 'data-loss' : 'corrupt-data', table, file: location },
    ...(cut === undefined ? {} : { cut }),
    what: `The ${role} file ${fileNameOf(location)} ${fact}. ${meaning}`,
    advice: adviceOf(role, isLive, cut),
  }
}

function adviceOf(role: NamedFile['role'], isLive: boolean, cut: number | undefined): string {
  if (role === 'statistics') return 'Let the engine that wrote it analyse the table again.'
  if (!isLive) return 'Restore the file from a copy, or expire the snapshots that need it.'
  const before = cut === undefined || cut < 2 ? undefined : cut - 1
  return before === undefined
    ? 'Restore the file from a copy; without one, build the lake again from its sources.'
    : 'Restore the file from a copy; without one, `sluice rollback --cut ' +
        `${before}\` takes the lake back to before it, and the sources are read again from there.`
}

function doubledFinding(table: string, { file }: ManifestEntry, cut: number | undefined): Finding {
  return {
    ...{ check: 'files', kind: 'corrupt-data', table, file: file.filePath },
    ...(cut === undefined ? {} : { cut }),
    what: `The ${file.content} file ${fileNameOf(file.filePath)} is named twice as live: readers count its rows twice.`,
    advice:
      'Roll the table back to the snapshot before the second entry came, or write the rows of ' +
      'the file anew with each of them once.',
  }
}
