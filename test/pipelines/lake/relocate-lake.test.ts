import { createHash } from 'node:crypto'
import { cpSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alterTable } from '../../../pipelines/lake/alter-table.ts'
import { readLakeFile, recordCatalogUrl } from '../../../pipelines/lake/lake-file.ts'
import { LAKE_LAYOUT_VERSION, type Lake } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { relocateLake } from '../../../pipelines/lake/relocate-lake.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { allTables } from '../../../shared-transforms/lake-tables.ts'
import { allViews } from '../../../shared-transforms/lake-views.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { mapBounded } from '../../../tables/commit/snapshot-manifests.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../../tables/file-io/local-file-io.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'

const START_MS = Date.UTC(2025, 0, 15, 10)

/** Trades a minute apart; some are so late that sealed bars are repaired by deletes. */
function trades(count: number): ListedMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const behindMs = index % 4 === 3 && index > 8 ? 600_000 : 0
    return {
      part: { source: 'kafka:stocks', partition: 0 },
      format: 'stock-json',
      offset: BigInt(index),
      payload: JSON.stringify({
        trade_id: `T${index}`,
        symbol: 'AAPL',
        price: 100 + index,
        volume: 10,
        timestamp: new Date(START_MS + index * 60_000 - behindMs).toISOString(),
        trade_type: 'BUY',
        exchange: 'NASDAQ',
      }),
      receivedUs: BigInt(START_MS + index * 60_000) * 1000n,
    }
  })
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-move-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let placeCount = 0
/** A folder of this test alone. */
async function newPlace(): Promise<string> {
  placeCount += 1
  const place = join(folder, `place ${placeCount}`)
  await mkdir(place)
  return place
}

function open(directory: string, formatVersion?: 3): Promise<Lake> {
  return openLake({
    directory,
    clock: systemClock,
    ids: randomIds,
    createIfMissing: true,
    ...(formatVersion === undefined ? {} : { formatVersion }),
  })
}

const relocate = (directory: string, fileIO?: FileIO) =>
  relocateLake({
    directory,
    clock: systemClock,
    ids: randomIds,
    ...(fileIO === undefined ? {} : { fileIO }),
  })

/** At once: SQLite's own files may go at any turn of the loop after a catalog was closed. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true })
}

interface Master {
  readonly directory: string
  readonly said: Record<string, string>
}

/**
 * A lake of ten cuts, some of them undone, and what it says; made once, copied by the tests. The
 * metadata of one table is packed.
 */
async function makeMaster(formatVersion?: 3): Promise<Master> {
  const directory = join(await newPlace(), 'lake')
  const lake = await open(directory, formatVersion)
  const properties = { 'write.metadata.compression-codec': 'gzip' }
  await alterTable(lake, 'silver.trades', { kind: 'set', properties })
  await runList(lake, trades(16), [2])
  await rollBackLake({ lake, cutNumber: 6, writer: 'test' })
  await runList(lake, trades(16), [2])
  const said = await everySnapshot(lake)
  await lake.close()
  return { directory, said }
}

const masters = new Map<string, Promise<Master>>()
/** What every copy of the master lake says. */
function master(formatVersion?: 3): Promise<Master> {
  const key = String(formatVersion)
  const made = masters.get(key) ?? makeMaster(formatVersion)
  masters.set(key, made)
  return made
}

/** A lake in a folder, of which nothing is said anywhere else. */
async function lakeAt(directory: string, formatVersion?: 3): Promise<Record<string, string>> {
  const { directory: from, said } = await master(formatVersion)
  copyFolder(from, directory)
  await relocate(directory)
  return said
}

/** Rows of every snapshot of every table, as one number each that any row would change. */
async function everySnapshot(lake: Lake): Promise<Record<string, string>> {
  const { fileIO } = lake
  const session = await lake.engine.connect()
  const said: Record<string, string> = {}
  for (const { name } of allTables) {
    const { metadata } = headOf(await loadHeads(lake), name)
    for (const snapshot of metadata.snapshots) {
      const snapshotId = snapshot['snapshot-id']
      const sql = await scanSql(await planScan({ fileIO, metadata, snapshotId }), fileIO)
      const [row] = await session.rows<{ text: string }>(
        `SELECT count(*) || ' ' || coalesce(sum(hash(t)::HUGEINT), 0) AS text FROM (${sql}) t`,
      )
      said[`${name} ${snapshotId}`] = row?.text ?? ''
    }
  }
  session.close()
  return said
}

/** Name and content of every file below a folder, but for what SQLite does by itself. */
async function fingerprint(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('catalog.db'))
  const hashes = await mapBounded(files, async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path, createHash('sha256').update(await readFile(path)).digest('hex')] as const
  })
  return Object.fromEntries(hashes)
}

describe.each([undefined, 3 as const])('a lake of format version %s that is moved', (version) => {
  it('is refused until it is relocated, and then says the same at every snapshot', async () => {
    const place = await newPlace()
    const [from, to] = [join(place, 'lake'), join(place, 'a new place')]
    const said = await lakeAt(from, version)
    await rename(from, to)
    await expect(open(to)).rejects.toThrow(/Run `sluice relocate --lake .*a new place`/)
    const done = await relocate(to)
    const tableCount = allTables.length + allViews.length
    expect(done).toMatchObject({ isMoved: true, isCopy: false, tableCount })
    expect(done.deleteFileCount).toBeGreaterThan(0)
    const lake = await open(to)
    expect(await everySnapshot(lake)).toEqual(said)
    await runList(lake, trades(20), [2])
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })
})

describe('relocating', () => {
  it('leaves no word of the old place in what the lake reads, and does not touch the old', async () => {
    const place = await newPlace()
    const [from, to] = [join(place, 'lake'), join(place, 'lake-copy')]
    const said = await lakeAt(from)
    copyFolder(from, to)
    const before = await fingerprint(from)
    expect(await relocate(to)).toMatchObject({ isCopy: true })
    const copy = await open(to)
    await runList(copy, trades(20), [2])
    await copy.close()
    expect(await fingerprint(from)).toEqual(before)
    const texts = Object.keys(await fingerprint(to)).filter((path) => path.endsWith('.json'))
    for (const path of texts) {
      const bytes = await readFile(path)
      const text = path.endsWith('.gz.metadata.json') ? gunzipSync(bytes) : bytes
      expect(text.toString('utf8'), path).not.toContain(`${from}/`)
    }
    const old = await open(from)
    expect(await everySnapshot(old)).toEqual(said)
    await old.close()
  })

  it('does nothing the second time', async () => {
    const directory = join(await newPlace(), 'lake')
    await lakeAt(directory)
    const before = await fingerprint(directory)
    expect(await relocate(directory)).toMatchObject({ isMoved: false, tableCount: 0 })
    expect(await fingerprint(directory)).toEqual(before)
  })

  it.each([
    ['into a folder of its own name', 'lake', 'lake/v1'],
    ['out of a folder', 'lake/v1', 'lake'],
  ])('works %s', async (_, was, is) => {
    const place = await newPlace()
    const said = await lakeAt(join(place, was))
    const aside = join(place, 'aside')
    await rename(join(place, was), aside)
    await rm(join(place, 'lake'), { recursive: true, force: true })
    const to = join(place, is)
    copyFolder(aside, to)
    await relocate(to)
    const lake = await open(to)
    expect(await everySnapshot(lake)).toEqual(said)
    await lake.close()
  })

  it('goes back to the first place, and leaves no file behind', async () => {
    const place = await newPlace()
    const [here, there] = [join(place, 'here'), join(place, 'there')]
    const said = await lakeAt(here)
    const count = Object.keys(await fingerprint(here)).length
    await rename(here, there)
    await relocate(there)
    await rename(there, here)
    await relocate(here)
    const lake = await open(here)
    expect(await everySnapshot(lake)).toEqual(said)
    await lake.close()
    expect(Object.keys(await fingerprint(here))).toHaveLength(count)
  })

  it('can be cut off at any file and is done by the next call', async () => {
    const { directory: from, said } = await master()
    const to = join(await newPlace(), 'lake')
    copyFolder(from, to)
    const real = createLocalFileIO()
    for (const failing of [1, 2, 5, 20, 60]) {
      let writes = 0
      const dying: FileIO = {
        ...real,
        write: async (...args) => {
          writes += 1
          if (writes === failing) throw new Error('the process died')
          await real.write(...args)
        },
      }
      await expect(relocate(to, dying)).rejects.toThrow(/died/)
      await expect(open(to)).rejects.toThrow(/sluice relocate/)
    }
    // Between the pointers and lake.json lies the rewrite of the records of files to delete.
    const blind: FileIO = {
      ...real,
      list: () => {
        throw new Error('the process died')
      },
    }
    await expect(relocate(to, blind)).rejects.toThrow(/died/)
    await expect(open(to)).rejects.toThrow(/sluice relocate/)
    expect(await relocate(to)).toMatchObject({ isMoved: true, tableCount: 0 })
    const lake = await open(to)
    expect(await everySnapshot(lake)).toEqual(said)
    await lake.close()
  })

  it('forgets where the catalog was served, and keeps the id', async () => {
    const place = await newPlace()
    const [from, to] = [join(place, 'lake'), join(place, 'moved')]
    const lake = await open(from)
    await lake.close()
    await recordCatalogUrl(from, 'http://127.0.0.1:8181')
    const { lakeId } = (await readLakeFile(from)) ?? {}
    await rename(from, to)
    await relocate(to)
    expect(await readLakeFile(to)).toEqual({
      layoutVersion: LAKE_LAYOUT_VERSION,
      lakeId,
      location: `file://${to}`,
    })
  })

  it('is refused for a folder under a second name, and for one that is no lake', async () => {
    const place = await newPlace()
    const lake = await open(join(place, 'lake'))
    await lake.close()
    await symlink(join(place, 'lake'), join(place, 'link'))
    await expect(relocate(join(place, 'link'))).rejects.toThrow(/one folder under two names/)
    await expect(relocate(join(place, 'nothing'))).rejects.toThrow(/no lake/)
  })
})
