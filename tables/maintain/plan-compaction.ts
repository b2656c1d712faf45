import { partitionKey } from '../commit/snapshot-summary.ts'
import { referencedFileOf } from '../commit/validate-change.ts'
import type { DataFile, PositionDelete } from '../spec/manifest.ts'

/**
 * Which data files of a table are written together anew. Files of a partition are put in classes
 * by size, and `fanIn` files of a class become one of a higher class, so a row is rewritten a few
 * times in its life however many cuts a day has. The open partition takes part; the tail never.
 *
 *     < 32 KiB   < 512 KiB   < 8 MiB   < 128 MiB   larger
 *     ≤ 31       ≤ 31        ≤ 31      ≤ 31        never rewritten for their number
 */
export interface CompactionRules {
  readonly fanIn: number
  /** Upper sizes of the classes, ascending. */
  readonly classSizesBytes: readonly number[]
  /** Live data files of a partition at most; beyond it the smallest are rewritten anyhow. */
  readonly fileCountMax: number
  /** A file with so many delete files is rewritten, alone if it must be. */
  readonly deleteFileCountMax: number
  /** The same for a file of whose rows this share is deleted. */
  readonly deletedShareMax: number
  /** Groups of one commit; the rest waits for the next. */
  readonly groupCountMax: number
}

const KIB = 1024

export const defaultCompaction: CompactionRules = {
  fanIn: 32,
  classSizesBytes: [32 * KIB, 512 * KIB, 8 * KIB * KIB, 128 * KIB * KIB],
  fileCountMax: 128,
  deleteFileCountMax: 8,
  deletedShareMax: 0.3,
  groupCountMax: 16,
}

/** A live data file with the delete files that apply to it. */
export interface CompactionFile {
  readonly file: DataFile
  readonly deletes: readonly PositionDelete[]
}

/** Files of one partition that become one. */
export interface CompactionGroup<F extends CompactionFile = CompactionFile> {
  readonly files: readonly F[]
  /** Delete files that apply to files of the group only and go with them. */
  readonly goneDeletes: readonly PositionDelete[]
}

/** Decides what to rewrite. Pure. */
export function planCompaction<F extends CompactionFile>(
  files: readonly F[],
  tailPaths: ReadonlySet<string>,
  rules: CompactionRules = defaultCompaction,
): CompactionGroup<F>[] {
  const byPartition = new Map<string, F[]>()
  for (const one of files) {
    if (tailPaths.has(one.file.filePath)) continue
    const key = partitionKey(one.file.specId, one.file.partition)
    const held = byPartition.get(key)
    if (held === undefined) byPartition.set(key, [one])
    else held.push(one)
  }
  const groups: CompactionGroup<F>[] = []
  for (const ofPartition of byPartition.values()) {
    for (const group of groupsOfPartition(ofPartition, rules)) {
      if (groups.length === rules.groupCountMax) return groups
      groups.push({ files: group, goneDeletes: goneDeletesOf(group) })
    }
  }
  return groups
}

function groupsOfPartition<F extends CompactionFile>(
  files: readonly F[],
  rules: CompactionRules,
): F[][] {
  const groups: F[][] = []
  const taken = new Set<F>()
  const take = (group: readonly F[]) => {
    groups.push([...group])
    for (const one of group) taken.add(one)
  }
  for (const index of rules.classSizesBytes.keys()) {
    const peers = files.filter((one) => !taken.has(one) && classOf(one.file, rules) === index)
    if (peers.length >= rules.fanIn) take(peers)
  }
  const remaining = files.filter((one) => !taken.has(one))
  const afterwards = remaining.length + groups.length
  if (afterwards > rules.fileCountMax) {
    const bySize = [...remaining].sort((a, b) => a.file.fileSizeBytes - b.file.fileSizeBytes)
    take(bySize.slice(0, Math.max(rules.fanIn, afterwards - rules.fileCountMax + 1)))
  }
  for (const one of files) if (!taken.has(one) && isWorn(one, rules)) take([one])
  return groups
}

/** The size class; undefined above the last, where files are left alone. */
function classOf(file: DataFile, rules: CompactionRules): number | undefined {
  const index = rules.classSizesBytes.findIndex((sizeBytes) => file.fileSizeBytes < sizeBytes)
  return index < 0 ? undefined : index
}

/** True where deletes make the file dear to read. */
function isWorn({ file, deletes }: CompactionFile, rules: CompactionRules): boolean {
  if (deletes.length === 0) return false
  if (deletes.length >= rules.deleteFileCountMax) return true
  const scoped = deletes.filter((one) => referencedFileOf(one) !== undefined)
  const deletedCount = scoped.reduce((sum, one) => sum + one.recordCount, 0)
  return deletedCount >= file.recordCount * rules.deletedShareMax
}

/** Delete files that name one file of the group; those that may name others stay. */
function goneDeletesOf(group: readonly CompactionFile[]): PositionDelete[] {
  const paths = new Set(group.map((one) => one.file.filePath))
  const gone = new Map<string, PositionDelete>()
  for (const { deletes } of group) {
    for (const one of deletes) {
      const referenced = referencedFileOf(one)
      if (referenced !== undefined && paths.has(referenced)) gone.set(one.filePath, one)
    }
  }
  return [...gone.values()]
}
