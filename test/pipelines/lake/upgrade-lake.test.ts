import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { unzipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findStaleDays } from '../../../pipelines/lake/find-stale-days.ts'
import { readLakeFile, writeLakeFile } from '../../../pipelines/lake/lake-file.ts'
import { stepsFrom } from '../../../pipelines/lake/lake-layout.ts'
import { LAKE_LAYOUT_VERSION } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { relocateLake } from '../../../pipelines/lake/relocate-lake.ts'
import { upgradeLake } from '../../../pipelines/lake/upgrade-lake.ts'
import { loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import { replay } from '../../../pipelines/replay/replay.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { repositoryRoot } from '../../support/data.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { receiptProblems } from '../../support/receipts.ts'

let folder: string
let directory: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-upgrade-'))
  const packed = await readFile(join(repositoryRoot, 'test/golden/sluice/layout-1.zip'))
  for (const [name, bytes] of Object.entries(unzipSync(packed))) {
    if (name.endsWith('/')) continue
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), bytes)
  }
  directory = join(folder, 'lake')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const sources = { clock: systemClock, ids: randomIds }
const open = () => openLake({ directory, ...sources, createIfMissing: false })
const relocate = () => relocateLake({ directory, ...sources })
const upgrade = (isDryRun = false) => upgradeLake({ directory, ...sources, isDryRun })

/** Backfills an example file; answers the rows of the lake's content afterwards. */
async function load(name: string, format: 'stock-json' | 'binance-frames') {
  const lake = await openLake({ directory, ...sources, createIfMissing: true })
  const files = [join(repositoryRoot, 'examples', name)]
  const options = { lake, format, files, writer: 'test' }
  await backfill(options, new AbortController().signal)
  const problems = await receiptProblems(lake)
  const hashes = await readContentHashes(lake)
  await lake.close()
  expect(problems).toEqual([])
  return hashes
}

/** Replays a day; answers the hashes of the lake's content afterwards. */
async function deriveAgain(day: string) {
  const lake = await open()
  const fromDay = BigInt(Date.parse(`${day}T00:00:00Z`)) / 86_400_000n
  const range = { fromDay, toDay: fromDay + 1n }
  const options = { lake, range, layers: 'silver,gold' as const, writer: 'test' }
  await replay(options, new AbortController().signal)
  const { checks } = await verifyLake({ lake, isDeep: true })
  const hashes = await readContentHashes(lake)
  await lake.close()
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
  return hashes
}

describe('a lake of layout 1', () => {
  it('is opened by nothing, and the refusal says what the upgrade does', async () => {
    await relocate()
    await expect(open()).rejects.toMatchObject({ kind: 'unsupported' })
    await expect(open()).rejects.toThrow(
      /layout version 1; .* `sluice upgrade --lake .*lake` adds the column restored_cut to sluice/,
    )
  })

  it('is upgraded, says what it said, and goes on as a new one does', async () => {
    await relocate()
    expect(await upgrade(true)).toMatchObject({ fromVersion: 1, toVersion: LAKE_LAYOUT_VERSION })
    expect((await readLakeFile(directory))?.layoutVersion).toBe(1)
    const done = await upgrade()
    expect(done.does).toEqual(stepsFrom(1).flatMap((step) => step.does))
    expect((await readLakeFile(directory))?.layoutVersion).toBe(LAKE_LAYOUT_VERSION)
    const lake = await open()
    const rows = await readRows(
      lake,
      'sluice.cuts',
      'SELECT DISTINCT cut_number, restored_cut FROM t ORDER BY ALL',
    )
    expect(rows).toEqual([
      { cut_number: 1n, restored_cut: null },
      { cut_number: 2n, restored_cut: null },
    ])
    const session = await lake.engine.connect()
    const stale = await findStaleDays({ lake, session, heads: await loadHeads(lake) })
    session.close()
    expect([...new Set(stale.map(({ state }) => state))]).toEqual(['unknown'])
    await lake.close()
    await load('binance-2025-01-16.jsonl', 'binance-frames')
    // Numbers that older layouts did not keep prove nothing until the day is derived again.
    const old = await deriveAgain('2025-01-15')
    directory = join(folder, 'new')
    await load('stock-2025-01-15.jsonl', 'stock-json')
    await load('binance-2025-01-15.jsonl', 'binance-frames')
    expect(old).toEqual(await load('binance-2025-01-16.jsonl', 'binance-frames'))
  }, 300_000)

  it('can be rolled back once it is upgraded', async () => {
    await relocate()
    await upgrade()
    const lake = await open()
    await rollBackLake({ lake, cutNumber: 1, writer: 'test' })
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
    await load('binance-2025-01-15.jsonl', 'binance-frames')
  })

  it('is upgraded by the next call where the process died in between', async () => {
    await relocate()
    await upgrade()
    const file = await readLakeFile(directory)
    if (file === undefined) throw new Error('no lake')
    await writeLakeFile(directory, { ...file, layoutVersion: 1 })
    expect(await upgrade()).toMatchObject({ fromVersion: 1 })
    await (await open()).close()
  })

  it('has to be relocated first where it was moved', async () => {
    await expect(upgrade()).rejects.toThrow(/sluice relocate/)
    expect((await readLakeFile(directory))?.layoutVersion).toBe(1)
  })
})

it('leaves a lake of the present layout alone, and refuses a newer one', async () => {
  await relocate()
  await upgrade()
  expect((await upgrade()).does).toEqual([])
  const file = await readLakeFile(directory)
  if (file === undefined) throw new Error('no lake')
  await writeLakeFile(directory, { ...file, layoutVersion: 99 })
  await expect(upgrade()).rejects.toThrow(/newer Sluice/)
  await expect(open()).rejects.toThrow(/newer Sluice/)
})
