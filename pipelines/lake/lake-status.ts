import { headOf, loadHeads, planHead, planRelation } from '../loop/loop-context.ts'
import { findStaleDays, type StaleDays } from './find-stale-days.ts'
import { readLakeFile } from './lake-file.ts'
import { readLakeHolder, type LakeHolder } from './lake-lock.ts'
import type { LakeStores } from './lake-stores.ts'
import type { Lake } from './lake.ts'
import { measureDiskUse } from './measure-disk-use.ts'
import {
  readNewestCuts,
  readPartLines,
  readRejectReasons,
  type CutLine,
  type PartLine,
  type ReasonLine,
} from './read-cuts.ts'
import { readRemovedBronze, type RemovedBronze } from './removed-bronze.ts'
import { readTableSummaries, type TableSummary } from './table-summary.ts'
import { DAY_US } from './utc-days.ts'

/** What there is to say about a lake at one time. */
export interface LakeStatus {
  readonly directory: string
  readonly nowUs: bigint
  readonly holder: LakeHolder | undefined
  /** Who replaces or loads ranges of days beside it; the same process where it does both. */
  readonly rangeHolder: LakeHolder | undefined
  /** Where a process serves or last served the catalog. */
  readonly catalogUrl: string | undefined
  readonly lastCut: CutLine | undefined
  readonly parts: readonly PartLine[]
  readonly tables: readonly TableSummary[]
  /** Of the last 24 hours. */
  readonly rejectReasons: readonly ReasonLine[]
  /** What other steps than this program's made, or nobody knows which. */
  readonly staleDays: readonly StaleDays[]
  /** What left bronze for its age. */
  readonly removedBronze: RemovedBronze | undefined
  /** Where the tables lie. */
  readonly stores: LakeStores
  /** Of the lake's folder, copies of remote files among them. */
  readonly diskBytes: number
}

export async function readLakeStatus(lake: Lake, directory: string): Promise<LakeStatus> {
  const nowUs = lake.clock.nowUs()
  const session = await lake.engine.connect()
  try {
    const heads = await loadHeads(lake)
    const cuts = await planHead(lake, headOf(heads, 'sluice.cuts'), [])
    const [lastCut] = await readNewestCuts(lake, session, 1)
    return {
      directory,
      nowUs,
      holder: await readLakeHolder(directory),
      rangeHolder: await readLakeHolder(directory, 'range'),
      catalogUrl: (await readLakeFile(directory))?.catalogUrl,
      lastCut,
      parts: await readPartLines(lake, session),
      tables: await readTableSummaries(lake),
      rejectReasons: await readRejectReasons(lake, session, nowUs - DAY_US),
      staleDays: await findStaleDays({ lake, session, heads }),
      removedBronze: await readRemovedBronze(session, await planRelation(lake, cuts)),
      stores: lake.stores,
      diskBytes: await measureDiskUse(directory),
    }
  } finally {
    session.close()
  }
}
