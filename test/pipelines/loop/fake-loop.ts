import { builtInModel } from '../../../shared-transforms/lake-model.ts'
import { allTables } from '../../../shared-transforms/lake-tables.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { TAIL_FILE_PREFIX } from '../../../pipelines/loop/gold-tail.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { tableInTurn } from '../../../pipelines/loop/maintain-lake.ts'
import { isTailFile } from '../../../pipelines/loop/restore-loop.ts'
import type { LoadedTable } from '../../../tables/catalog/catalog.ts'
import { commitCut, type CommittedCut } from '../../../tables/commit/commit-cut.ts'
import type { CommitContext } from '../../../tables/commit/commit-context.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import {
  createCountingFileIO,
  type CountingFileIO,
} from '../../../tables/file-io/counting-file-io.ts'
import { createDeleteQueue, type DeleteQueue } from '../../../tables/maintain/delete-queue.ts'
import { rewriteDataFiles } from '../../../tables/maintain/rewrite-data-files.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { change, countingIds } from '../../tables/commit/commit-lake.ts'
import { FAKE_DAY, fakeDelete, fakeFile, fakeRewrite } from './fake-files.ts'

/** 20,000 cuts of 4.3 s end before the day does. */
const CUT_US = 4_300_000n
/** Cuts between two flushes of a gold table's tail: five minutes of watermark. */
const CUTS_PER_FLUSH = 70
const CUTS_PER_REPAIR = 7
const CUTS_PER_REJECTION = 10

const CUTS = tableId('sluice.cuts')
const lakeTables = allTables.map(({ name }) => tableId(name))
const appended = [
  'bronze.trade_messages',
  'bronze.quote_messages',
  'silver.trades',
  'silver.quotes',
]
const rejected = 'silver.rejected_messages'
const gold = ['gold.bars', 'gold.spreads']

/**
 * The loop without its engine: cuts of all tables of the lake and the loop's own maintenance, with
 * data files that are names. Commits, catalog, compaction plans, expiry and deletes are the real
 * ones.
 */
export interface FakeLoop {
  readonly lake: Lake
  readonly store: CountingFileIO
  readonly queue: DeleteQueue
  /** One cut, and the maintenance after it. */
  cut(): Promise<void>
}

interface FakeContext {
  readonly commit: CommitContext
  readonly queue: DeleteQueue
  readonly cutNumber: number
  /** As of the last commit. */
  readonly heads: Map<string, LoadedTable>
  /** The live tail file of each gold table; each cut replaces it. */
  readonly tails: Map<string, string>
}

export async function openFakeLoop(): Promise<FakeLoop> {
  const clock = createTestClock(BigInt(FAKE_DAY) * 86_400_000_000n)
  const stores: CountingFileIO[] = []
  const lake = await openMemoryLake({
    clock,
    ids: countingIds(),
    wrapFileIO: (inner) => {
      const store = createCountingFileIO(inner)
      stores.push(store)
      return store
    },
  })
  const [store] = stores
  if (store === undefined) throw new Error('the lake has no store')
  const { catalog, fileIO, ids, manifestCache } = lake
  const commit: CommitContext = { catalog, fileIO, clock, ids, manifestCache }
  const queue = createDeleteQueue({
    ...{ catalog, clock, reader: commit, tables: lakeTables, lakeLocation: lake.location },
  })
  await queue.start()
  const heads = await loadHeads(lake)
  const tails = new Map<string, string>()
  let cutNumber = 0
  return {
    lake,
    store,
    queue,
    cut: async () => {
      cutNumber += 1
      clock.advanceUs(CUT_US)
      const context = { commit, queue, cutNumber, heads, tails }
      await commitFakeCut(context)
      await maintain(context)
    },
  }
}

async function commitFakeCut(context: FakeContext): Promise<void> {
  const { commit, cutNumber } = context
  const token = `token-${cutNumber}`
  const changes = [
    ...[...appended, ...(cutNumber % CUTS_PER_REJECTION === 0 ? [rejected] : [])].map((name) =>
      change(tableId(name), { addDataFiles: [cutFile(context, name)] }),
    ),
    ...(await Promise.all(gold.map((name) => goldChange(context, name)))),
  ]
  const committed = await commitCut(commit, {
    cutsTable: CUTS,
    lakeTables,
    previousCut: cutNumber - 1,
    cutNumber,
    token,
    committedUs: commit.clock.nowUs(),
    changes,
    cutRows: () => Promise.resolve([cutFile(context, 'sluice.cuts')]),
    cutsProperties: { 'sluice.positions': `{"cut":${cutNumber}}` },
  })
  await takeOver(context, committed)
}

/** As the loop does it after each commit. */
async function takeOver(
  { queue, cutNumber, heads }: FakeContext,
  { tables, abandonedPaths }: Pick<CommittedCut, 'tables' | 'abandonedPaths'>,
): Promise<void> {
  await queue.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
  for (const [name, head] of tables) heads.set(name, head)
}

function cutFile({ commit, heads }: FakeContext, name: string, namePrefix = ''): DataFile {
  const { metadata } = headOf(heads, name)
  return fakeFile(commit.ids, metadata, { recordCount: 50, sizeBytes: 6_000, namePrefix })
}

/** The tail out and in; now and then sealed windows, or a late one's delete in a sealed file. */
async function goldChange(context: FakeContext, name: string): Promise<TableChange> {
  const { cutNumber, commit, heads, tails } = context
  const { metadata } = headOf(heads, name)
  const oldTail = tails.get(name)
  const tail = cutFile(context, name, TAIL_FILE_PREFIX)
  tails.set(name, tail.filePath)
  const isRepairing = cutNumber % CUTS_PER_REPAIR === 0
  const sealed = isRepairing ? await findSealed(commit, metadata, cutNumber) : undefined
  const isFlushed = cutNumber % CUTS_PER_FLUSH === 0
  return change(tableId(name), {
    operation: 'overwrite',
    addDataFiles: isFlushed ? [tail, cutFile(context, name)] : [tail],
    tailPaths: new Set([tail.filePath]),
    addDeletes: sealed === undefined ? [] : [fakeDelete(commit.ids, metadata, sealed)],
    removePaths: oldTail === undefined ? [] : [oldTail],
    mustBeLive: sealed === undefined ? [] : [sealed.filePath],
  })
}

/** One of the files that hold sealed windows, another one each time. */
async function findSealed(
  { fileIO, manifestCache }: CommitContext,
  metadata: TableMetadata,
  turn: number,
): Promise<DataFile | undefined> {
  const { tasks } = await planScan({ fileIO, manifestCache, metadata })
  const sealed = tasks.map(({ file }) => file).filter(({ filePath }) => !isTailFile(filePath))
  return sealed[turn % Math.max(1, sealed.length)]
}

/** As the loop does it after each cut, but for the engine that writes a group's rows. */
async function maintain(context: FakeContext): Promise<void> {
  const { commit, queue, cutNumber } = context
  const rewritten = await rewriteDataFiles(commit, {
    cutsTable: CUTS,
    identifier: tableId(tableInTurn({ model: builtInModel }, cutNumber)),
    afterCut: () => cutNumber,
    writeGroup: (table, _, group) => Promise.resolve(fakeRewrite(commit.ids, table, group)),
    isTailPath: isTailFile,
  })
  if (rewritten !== undefined) await takeOver(context, rewritten)
  await queue.deleteDue()
}
