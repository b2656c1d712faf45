import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createLakeTables } from '../pipelines/lake/create-lake-tables.ts'
import { createLakeDeleteQueue } from '../pipelines/lake/lake-delete-queue.ts'
import { lakeCommitContext } from '../pipelines/lake/lake-commit-context.ts'
import type { Lake } from '../pipelines/lake/lake.ts'
import { assembleLake } from '../pipelines/lake/open-lake.ts'
import { tableInTurn } from '../pipelines/loop/maintain-lake.ts'
import { allTables } from '../shared-transforms/lake-tables.ts'
import { openEmbeddedCatalog } from '../tables/catalog/embedded-catalog.ts'
import type { LoadedTable } from '../tables/catalog/catalog.ts'
import { randomIds } from '../tables/clock.ts'
import { commitCut } from '../tables/commit/commit-cut.ts'
import type { CutRequest } from '../tables/commit/commit-cut.ts'
import type { TableChange } from '../tables/commit/table-change.ts'
import type { FileIO } from '../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../tables/file-io/local-file-io.ts'
import { locationOfPath, pathOfLocation } from '../tables/file-io/local-location.ts'
import type { DeleteQueue } from '../tables/maintain/delete-queue.ts'
import { rewriteDataFiles } from '../tables/maintain/rewrite-data-files.ts'
import { tableId } from '../tables/spec/table-identifier.ts'
import { namedFile } from './named-file.ts'
import { measure } from './process-cost.ts'
import type { Timed } from './process-cost.ts'

/**
 * A lake on the local disk whose cuts are as those of the live loop in all that a commit sees:
 * seven of eight tables change, the tails of gold are replaced, expiry rides along, tables are
 * compacted in turn and dead files deleted. Only the data files are names, so that thousands of
 * cuts take minutes.
 */
export interface LakeOfCuts {
  readonly lake: Lake
  /** Commits cuts whose metadata is not forced to the disk: history in half of the time. */
  skipTo(cutNumber: number): Promise<void>
  /** One cut, with what its commit cost; the housekeeping after it is not counted. */
  commitNext(): Promise<Timed<unknown>>
  /** Snapshots of the table that has most. */
  snapshotCountMax(): number
  close(): Promise<void>
}

const cutsId = tableId('sluice.cuts')
const appended = [
  'bronze.trade_messages',
  'bronze.quote_messages',
  'silver.trades',
  'silver.quotes',
] as const
const tailed = ['gold.bars', 'gold.spreads'] as const

const START_US = 1_735_689_600_000_000n
const SECOND_US = 1_000_000n
/** Cuts that lie a day, an hour and a minute apart: after them every rung of the ladder is full. */
const pace: readonly (readonly [untilCut: number, apartUs: bigint])[] = [
  [90, 86_400n * SECOND_US],
  [138, 3_600n * SECOND_US],
  [198, 60n * SECOND_US],
]
const TAIL_PREFIX = 'tail-'
const CUTS_PER_SEAL = 60
const ROWS = 5_000
const FILE_BYTES = 120_000

export async function openLakeOfCuts(directory: string): Promise<LakeOfCuts> {
  await mkdir(directory, { recursive: true })
  const location = locationOfPath(directory)
  const warehouse = `${location}/warehouse`
  const state = { nowUs: START_US, cutCount: 0, isDurable: true }
  const fileIO = createSwitchedFileIO(() => state.isDurable)
  const parts = { fileIO, clock: { nowUs: () => state.nowUs }, ids: randomIds }
  const catalog = openEmbeddedCatalog({ ...parts, warehouse, path: join(directory, 'catalog.db') })
  const scratchDir = join(directory, 'scratch')
  const lake = await assembleLake({ ...parts, directory, location, catalog, scratchDir })
  await createLakeTables(catalog, lake.model.tables, 2)
  const queue = createLakeDeleteQueue(lake)
  await queue.start()
  const heads = await loadHeads(lake)
  const commitNext = async (): Promise<Timed<unknown>> => {
    const cutNumber = state.cutCount + 1
    state.nowUs += pace.find(([until]) => cutNumber <= until)?.[1] ?? SECOND_US
    const request = cutRequest(heads, cutNumber, state.nowUs)
    const timed = await measure(() => commitCut(lakeCommitContext(lake), request))
    const { tables, abandonedPaths } = timed.result
    for (const [name, table] of tables) heads.set(name, table)
    state.cutCount = cutNumber
    await queue.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
    await keepHouse(lake, heads, queue, cutNumber)
    return timed
  }
  return {
    lake,
    skipTo: async (cutNumber) => {
      state.isDurable = false
      while (state.cutCount < cutNumber) await commitNext()
      state.isDurable = true
    },
    commitNext,
    snapshotCountMax: () =>
      Math.max(...[...heads.values()].map(({ metadata }) => metadata.snapshots.length)),
    close: () => lake.close(),
  }
}

/** The local disk, whose writes are as quick as the system's memory where nobody measures them. */
function createSwitchedFileIO(isDurable: () => boolean): FileIO {
  const local = createLocalFileIO()
  return {
    ...local,
    write: async (location, bytes, options) => {
      if (isDurable()) return local.write(location, bytes, options)
      const path = pathOfLocation(location)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, bytes, { flag: options?.ifAbsent === true ? 'wx' : 'w' })
    },
  }
}

type Heads = Map<string, LoadedTable>

async function loadHeads(lake: Lake): Promise<Heads> {
  const heads: Heads = new Map()
  for (const { name } of allTables) {
    const table = await lake.catalog.loadTable(tableId(name))
    if (table !== undefined) heads.set(name, table)
  }
  return heads
}

function cutRequest(heads: Heads, cutNumber: number, timeUs: bigint): CutRequest {
  const positions = Array.from({ length: 4 }, (_, part) => `${part}:${cutNumber * ROWS}`)
  return {
    cutsTable: cutsId,
    lakeTables: allTables.map(({ name }) => tableId(name)),
    previousCut: cutNumber - 1,
    cutNumber,
    token: randomIds.uuid(),
    committedUs: timeUs,
    changes: [
      ...appended.map((name) => appendOf(heads, name, timeUs)),
      ...tailed.map((name) => tailOf(heads, name, cutNumber, timeUs)),
    ],
    cutRows: () => Promise.resolve([newFile(heads, 'sluice.cuts', timeUs, 5, 4_000)]),
    cutsProperties: { 'bench.positions': positions.join() },
    summary: { 'sluice.messages': String(ROWS) },
  }
}

function appendOf(heads: Heads, name: string, timeUs: bigint): TableChange {
  return { ...noChange(name), addDataFiles: [newFile(heads, name, timeUs)] }
}

/** The open windows of a gold table are written anew by each cut, and sealed from time to time. */
function tailOf(heads: Heads, name: string, cutNumber: number, timeUs: bigint): TableChange {
  const before = `${headOf(heads, name).metadata.location}/data/${tailName(cutNumber - 1)}.parquet`
  const tail = newFile(heads, name, timeUs, 400, 30_000, tailName(cutNumber))
  const sealed = cutNumber % CUTS_PER_SEAL === 0 ? [newFile(heads, name, timeUs)] : []
  return {
    ...noChange(name),
    operation: 'overwrite',
    addDataFiles: [tail, ...sealed],
    tailPaths: new Set([tail.filePath]),
    removePaths: cutNumber === 1 ? [] : [before],
  }
}

function tailName(cutNumber: number): string {
  return `${TAIL_PREFIX}${cutNumber}`
}

function noChange(name: string): TableChange {
  return {
    identifier: tableId(name),
    operation: 'append',
    addDataFiles: [],
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
  }
}

function newFile(
  heads: Heads,
  table: string,
  timeUs: bigint,
  recordCount = ROWS,
  fileSizeBytes = FILE_BYTES,
  name: string = randomIds.uuid(),
) {
  return namedFile(headOf(heads, table).metadata, { name, recordCount, fileSizeBytes, timeUs })
}

function headOf(heads: Heads, name: string): LoadedTable {
  const head = heads.get(name)
  if (head === undefined) throw new RangeError(`the lake has no table ${name}`)
  return head
}

/** As the loop does after each cut; the rows of a compacted file are those of its parts. */
async function keepHouse(
  lake: Lake,
  heads: Heads,
  queue: DeleteQueue,
  cutNumber: number,
): Promise<void> {
  const name = tableInTurn(lake, cutNumber)
  const rewritten = await rewriteDataFiles(lakeCommitContext(lake), {
    cutsTable: cutsId,
    identifier: tableId(name),
    afterCut: () => cutNumber,
    isTailPath: (path) => path.includes(`/${TAIL_PREFIX}`),
    writeGroup: (metadata, _plan, { files }) => {
      const sum = (of: 'recordCount' | 'fileSizeBytes') =>
        files.reduce((total, { file }) => total + file[of], 0)
      const [first] = files
      const merged = namedFile(metadata, {
        name: randomIds.uuid(),
        recordCount: sum('recordCount'),
        fileSizeBytes: sum('fileSizeBytes'),
        timeUs: lake.clock.nowUs(),
      })
      return Promise.resolve([
        first === undefined ? merged : { ...merged, partition: first.file.partition },
      ])
    },
  })
  if (rewritten !== undefined) {
    const { tables, abandonedPaths } = rewritten
    for (const [table, loaded] of tables) heads.set(table, loaded)
    await queue.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
  }
  await queue.deleteDue()
}
