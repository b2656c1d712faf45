import {
  ORPHAN_AGE_MS_DEFAULT,
  ORPHAN_AGE_MS_MIN,
} from '../../tables/maintain/remove-orphan-files.ts'
import { nowMs } from '../../tables/clock.ts'
import { findLakeOrphans } from '../lake/find-lake-orphans.ts'
import { type CheckResult, counted, type Finding } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'

/**
 * Files that no table names: what writers left behind that died before their commit, and what
 * waits to be deleted. They take room and change no answer: a note, until they are so old that
 * nothing of Sluice will take them away any more.
 */
export async function checkOrphans(pinned: PinnedLake): Promise<CheckResult> {
  const { lake, tables } = pinned
  const orphans = await findLakeOrphans(lake, {
    tables: [...tables.values()].map(({ loaded }) => loaded.identifier),
    olderThanMs: ORPHAN_AGE_MS_MIN,
    isDelete: false,
  })
  const oldMs = nowMs(lake.clock) - ORPHAN_AGE_MS_DEFAULT
  const old = orphans.filter(({ modifiedMs }) => modifiedMs < oldMs)
  const [first] = old
  const findings: Finding[] =
    first === undefined
      ? []
      : [
          {
            ...{ check: 'orphans', kind: 'corrupt-data', file: first.location },
            what: `${counted(old.length, 'file')} older than three days, this one the first, are named by no table. No answer is wrong by it; they take room.`,
            advice: 'Look at them with `sluice maintain orphans`, and delete them with --delete.',
          },
        ]
  const young = orphans.length - old.length
  const notes =
    young === 0
      ? []
      : [
          `${counted(young, 'file')} of one to three days that no table names; maintain orphans lists them`,
        ]
  return { name: 'orphans', checkedCount: orphans.length, unit: 'files', findings, notes }
}
