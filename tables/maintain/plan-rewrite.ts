import { partitionKey } from '../commit/snapshot-summary.ts'
import { SluiceError } from '../errors.ts'
import type { DataFile } from '../spec/manifest.ts'
import { type CompactionFile, type CompactionGroup, goneDeletesOf } from './plan-compaction.ts'

/** `bin-pack` puts small files together; `sort` writes whole partitions anew, in an order. */
export const rewriteStrategies = ['bin-pack', 'sort'] as const
export type RewriteStrategy = (typeof rewriteStrategies)[number]

/** A rewrite that a person asked for, as the other engines know it. */
export interface RewriteRules {
  readonly strategy: RewriteStrategy
  /** Size of a good file, bytes. Files of 75 % to 180 % of it are left alone by `bin-pack`. */
  readonly targetSizeBytes: number
  /** So many small files of a partition are worth a rewrite. */
  readonly leastFileCount: number
  /** Which files are in question; absent: all. */
  readonly isInScope?: (file: DataFile) => boolean
  /** `sort` only: the id of the order that files are written in; those that have it may stay. */
  readonly sortOrderId?: number
}

/** As the other engines: 512 MiB and five files. */
export const defaultRewrite: RewriteRules = {
  strategy: 'bin-pack',
  targetSizeBytes: 512 * 1024 * 1024,
  leastFileCount: 5,
}

/**
 * Decides what to rewrite. Deletes are always a reason, since only a rewrite folds them in. Pure.
 * @param keptPaths the tail's files: never rewritten
 * @throws SluiceError `invalid-input` for sizes and counts that make no sense.
 */
export function planRewrite<F extends CompactionFile>(
  files: readonly F[],
  keptPaths: ReadonlySet<string>,
  rules: RewriteRules,
): CompactionGroup<F>[] {
  checkRules(rules)
  const byPartition = new Map<string, F[]>()
  for (const one of files) {
    const { file } = one
    if (keptPaths.has(file.filePath) || rules.isInScope?.(file) === false) continue
    const key = partitionKey(file.specId, file.partition)
    const held = byPartition.get(key)
    if (held === undefined) byPartition.set(key, [one])
    else held.push(one)
  }
  const choose = rules.strategy === 'sort' ? chooseToSort : chooseToPack
  return [...byPartition.values()]
    .flatMap((ofPartition) => choose(ofPartition, rules))
    .map((group) => ({
      files: group,
      goneDeletes: goneDeletesOf(group),
      maxRows: rowsOfTarget(group, rules.targetSizeBytes),
    }))
}

/** Small files, files with deletes and far too large ones, in bins of the target's size. */
function chooseToPack<F extends CompactionFile>(files: readonly F[], rules: RewriteRules): F[][] {
  const { targetSizeBytes, leastFileCount } = rules
  const isTooLarge = ({ file }: F) => file.fileSizeBytes > targetSizeBytes * 1.8
  const isDue = (one: F) => isTooLarge(one) || one.deletes.length > 0
  const isSmall = ({ file }: F) => file.fileSizeBytes < targetSizeBytes * 0.75
  const candidates = files.filter((one) => isDue(one) || isSmall(one))
  const bins: { files: F[]; sizeBytes: number }[] = []
  for (const one of candidates.sort((a, b) => b.file.fileSizeBytes - a.file.fileSizeBytes)) {
    const { fileSizeBytes } = one.file
    const bin = bins.find((open) => open.sizeBytes + fileSizeBytes <= targetSizeBytes)
    if (bin === undefined) bins.push({ files: [one], sizeBytes: fileSizeBytes })
    else {
      bin.files.push(one)
      bin.sizeBytes += fileSizeBytes
    }
  }
  return bins
    .filter(
      ({ files: ofBin, sizeBytes }) =>
        ofBin.length >= leastFileCount ||
        (ofBin.length > 1 && sizeBytes >= targetSizeBytes * 0.75) ||
        ofBin.some(isDue),
    )
    .map(({ files: ofBin }) => ofBin)
}

/** The whole partition, unless it is one file that has the order already. */
function chooseToSort<F extends CompactionFile>(files: readonly F[], rules: RewriteRules): F[][] {
  const [only, ...others] = files
  const isDone =
    only !== undefined &&
    others.length === 0 &&
    only.deletes.length === 0 &&
    rules.sortOrderId !== undefined &&
    only.file.sortOrderId === rules.sortOrderId
  return isDone ? [] : [[...files]]
}

function rowsOfTarget(files: readonly CompactionFile[], targetSizeBytes: number): number {
  const sizeBytes = files.reduce((sum, one) => sum + one.file.fileSizeBytes, 0)
  const rowCount = files.reduce((sum, one) => sum + one.file.recordCount, 0)
  const fileCount = Math.max(1, Math.round(sizeBytes / targetSizeBytes))
  return Math.max(1, Math.ceil(rowCount / fileCount))
}

function checkRules({ targetSizeBytes, leastFileCount }: RewriteRules): void {
  if (targetSizeBytes >= 1024 && Number.isInteger(leastFileCount) && leastFileCount >= 1) return
  throw new SluiceError(
    'invalid-input',
    `Files of ${targetSizeBytes} bytes out of at least ${leastFileCount} were asked for. Nothing ` +
      'was rewritten. Ask for 1 kB at least, and for one file at least.',
  )
}
