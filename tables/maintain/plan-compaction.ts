import { partitionKey } from '../commit/snapshot-summary.ts'
import { referencedFileOf } from '../commit/validate-change.ts'
import { contentKey } from '../spec/content-key.ts'
import type { DataFile, DeleteFile } from '../spec/manifest.ts'

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
  /**
   * The same with delete files counted: beyond it those of the files that have most are folded in.
   * Less than `fileCountMax`, since cuts go on until the table is looked at again.
   */
  readonly withDeletesCountMax: number
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
  withDeletesCountMax: 112,
  deleteFileCountMax: 8,
  deletedShareMax: 0.3,
  groupCountMax: 16,
}

/** A live data file with the delete files that apply to it. */
export interface CompactionFile {
  readonly file: DataFile
  readonly deletes: readonly DeleteFile[]
}

/** Files of one partition that become one, or few where they are large. */
export interface CompactionGroup<F extends CompactionFile = CompactionFile> {
  readonly files: readonly F[]
  /** Rows of one new file; absent: all in one. */
  readonly maxRows?: number
  /** Delete files that apply to files of the group only and go with them. */
  readonly goneDeletes: readonly DeleteFile[]
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
  const left = files.filter((one) => !taken.has(one))
  const excess = left.length + groups.length + countDeletes(left) - rules.withDeletesCountMax
  for (const one of chooseMostDeleted(left, excess)) take([one])
  return groups
}

/** Files whose delete files are at least so many together, those with most first. */
function chooseMostDeleted<F extends CompactionFile>(files: readonly F[], count: number): F[] {
  if (count <= 0) return []
  const deleted = files.filter((one) => scopedDeletes(one).length > 0)
  deleted.sort((a, b) => scopedDeletes(b).length - scopedDeletes(a).length)
  const chosen: F[] = []
  for (const one of deleted) {
    if (countDeletes(chosen) >= count) break
    chosen.push(one)
  }
  return chosen
}

/** Delete files that go once the files that they name are rewritten. */
function countDeletes(files: readonly CompactionFile[]): number {
  return files.reduce((sum, one) => sum + scopedDeletes(one).length, 0)
}

/** Delete files that name this file alone. */
function scopedDeletes({ deletes }: CompactionFile): readonly DeleteFile[] {
  return deletes.filter((one) => referencedFileOf(one) !== undefined)
}

/** The size class; undefined above the last, where files are left alone. */
function classOf(file: DataFile, rules: CompactionRules): number | undefined {
  const index = rules.classSizesBytes.findIndex((sizeBytes) => file.fileSizeBytes < sizeBytes)
  return index < 0 ? undefined : index
}

/** True where deletes make the file dear to read. */
function isWorn(one: CompactionFile, rules: CompactionRules): boolean {
  if (one.deletes.length === 0) return false
  if (one.deletes.length >= rules.deleteFileCountMax) return true
  const deletedCount = scopedDeletes(one).reduce((sum, { recordCount }) => sum + recordCount, 0)
  return deletedCount >= one.file.recordCount * rules.deletedShareMax
}

/** Delete files that name one file of the group; those that may name others stay. */
export function goneDeletesOf(group: readonly CompactionFile[]): DeleteFile[] {
  const paths = new Set(group.map((one) => one.file.filePath))
  const gone = new Map<string, DeleteFile>()
  for (const { deletes } of group) {
    for (const one of deletes) {
      const referenced = referencedFileOf(one)
      if (referenced !== undefined && paths.has(referenced)) gone.set(contentKey(one), one)
    }
  }
  return [...gone.values()]
}
