import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../pipelines/backfill/backfill.ts'
import { planSink } from '../../pipelines/sinks/plan-sink.ts'
import { verifyLake } from '../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../tables/clock.ts'
import { readContentHashes } from '../support/lake-content.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { openMemoryLake } from '../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice } from '../support/sluice-process.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'

const ROWS_A_DAY = 200
/** What is left on the disk, by steps that are smaller than what one cut writes. */
const STEP_KB = 20
const ROOM_KB = 64 * 1024

await describeWithService('small-disk', 'a lake whose disk takes no more', () => {
  let folder: string
  let disk: SmallDisk
  let directory: string
  const files: string[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-full-'))
    disk = await mountSmallDisk()
    directory = join(disk.path, 'lake')
    for (const day of [0, 1, 2]) {
      const file = join(folder, `day-${day}.jsonl`)
      await writeFile(file, dayOfTrades(day))
      files.push(file)
    }
    await expectFilled(1)
  })
  afterAll(async () => {
    await disk.unmount()
    await rm(folder, { recursive: true, force: true })
  })

  // In processes of their own: a disk on which this one has a file open cannot be made read-only.
  const fill = (fileCount: number) =>
    runSluice([
      ...['backfill', ...files.slice(0, fileCount), '--format', 'stock-json'],
      ...['--lake', directory],
    ])

  async function expectFilled(fileCount: number): Promise<void> {
    const done = await fill(fileCount)
    expect(done.code, done.stderr).toBe(0)
  }

  async function countMessages(): Promise<number> {
    const sql = 'SELECT count(*) FROM bronze.trade_messages'
    const done = await runSluice(['sql', sql, '--lake', directory, '--format', 'csv'])
    expect(done.code, done.stderr).toBe(0)
    return Number(done.stdout.split('\r\n')[1])
  }

  it('says so where its folder is read-only, and goes on once it is not', async () => {
    await disk.setReadOnly(true)
    const before = await readdir(directory)
    const refused = await fill(2)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      /^sluice: storage-unavailable: .*cannot be written. Nothing was started. Check .* permissions/,
    )
    const read = await runSluice(['sql', 'SELECT 1', '--lake', directory])
    expect(read.code).toBe(1)
    expect(read.stderr).toMatch(/^sluice: storage-unavailable: .*must not be read-only/)
    expect(await readdir(directory)).toEqual(before)
    const files = { name: 'files', type: 'parquet', table: 'silver.trades' } as const
    const sink = { ...files, start: 'latest', folder: join(disk.path, 'export') } as const
    const { problem } = await planSink(sink, {}, undefined)
    expect(problem).toContain(`${disk.path} cannot be written to (EROFS)`)
    await disk.setReadOnly(false)
    await expectFilled(2)
  })

  it('stays as it was wherever the disk gets full, and takes the files once there is room', async () => {
    const places = new Set<string>()
    for (let roomKb = 0; ; roomKb += STEP_KB) {
      await disk.leaveFree(roomKb)
      const { code, stderr } = await fill(3)
      await disk.leaveFree(ROOM_KB)
      if (code === 0) break
      expect(code, stderr).toBe(1)
      expect(stderr).toMatch(/sluice: storage-unavailable: .*(space|ENOSPC|SQLITE_)/)
      const [place] = /lock|catalog's database|\.parquet|\.avro|\.json/.exec(stderr) ?? [
        'elsewhere',
      ]
      places.add(place)
      expect(await countMessages(), stderr).toBe(2 * ROWS_A_DAY)
    }
    expect(places.size, [...places].join(', ')).toBeGreaterThanOrEqual(3)
    await expectWhole()
  })

  /** The lake is whole, and holds what another one does that had room. */
  async function expectWhole(): Promise<void> {
    const other = await openMemoryLake({ clock: systemClock })
    const lake = await openExistingLake(directory)
    try {
      const options = { lake: other, format: 'stock-json', files, writer: 'test' } as const
      await backfill(options, new AbortController().signal)
      expect(await readContentHashes(lake)).toEqual(await readContentHashes(other))
      expect((await readTotals(lake)).message_count).toBe(BigInt(files.length * ROWS_A_DAY))
      expect(await receiptProblems(lake)).toEqual([])
      const { checks } = await verifyLake({ lake, isDeep: true })
      expect(checks.flatMap(({ findings }) => findings)).toEqual([])
    } finally {
      await lake.close()
      await other.close()
    }
  }
})

function dayOfTrades(day: number): string {
  const lines = Array.from({ length: ROWS_A_DAY }, (_, index) =>
    JSON.stringify({
      ...{ trade_id: `T${day}-${index}`, symbol: 'AAPL', price: 100 + (index % 40), volume: 10 },
      timestamp: new Date(Date.UTC(2024, 0, 1 + day, 14, 30, index)).toISOString(),
      ...{ trade_type: 'BUY', exchange: 'NASDAQ' },
    }),
  )
  return `${lines.join('\n')}\n`
}
