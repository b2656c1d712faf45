import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import { createLakeViews } from '../../../pipelines/lake/create-lake-views.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { systemClock } from '../../../tables/clock.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { dataPath } from '../../support/data.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { describeWithService } from '../../support/service.ts'

const HEADER = 'mts,open,close,high,low,volume'
const MINUTE_MS = 60_000

interface Gap {
  readonly fromMs: number
  readonly toMs: number
  readonly missingCount: number
}

const minute = (text: string): number => Date.parse(`${text}Z`)

/** The three longest holes of BTCUSD that the recorded data's README tells: a minute within each. */
const holes = [
  { year: 2015, within: minute('2015-05-15T00:00') },
  { year: 2016, within: minute('2016-05-01T00:00') },
  { year: 2016, within: minute('2016-08-05T00:00') },
]

const timeOf = (line: string): number => Number(line.slice(0, line.indexOf(',')))

/** Lines of a year's file on both sides of a time. */
async function linesAround({ year, within }: (typeof holes)[number]): Promise<string[]> {
  const file = dataPath(`bitfinex-1m/BTCUSD-1m-${year}.csv.gz`)
  const lines = gunzipSync(await readFile(file))
    .toString('latin1')
    .trim()
    .split('\n')
    .slice(1)
  const behind = lines.findIndex((line) => timeOf(line) > within)
  return lines.slice(behind - 40, behind + 40)
}

/** The plain loop over times in order. */
function reference(timesMs: readonly number[]): Gap[] {
  return timesMs.slice(1).flatMap((toMs, index) => {
    const fromMs = (timesMs[index] ?? 0) + MINUTE_MS
    return toMs > fromMs ? [{ fromMs, toMs, missingCount: (toMs - fromMs) / MINUTE_MS }] : []
  })
}

await describeWithService('data', 'gold.kline_gaps of a lake', () => {
  let lake: Lake
  let folder: string
  let lines: string[]
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-gaps-'))
    lake = await openMemoryLake({ clock: systemClock })
    await createLakeViews(lake.catalog, lake.model.views, systemClock)
    lines = (await Promise.all(holes.map(linesAround))).flat()
    await load('BTCUSD-1m-recorded.csv', lines)
  }, 120_000)
  afterAll(async () => {
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function load(name: string, rows: readonly string[]): Promise<void> {
    const file = join(folder, name)
    await writeFile(file, [HEADER, ...rows, ''].join('\n'))
    const run = { lake, format: 'bitfinex-klines', files: [file], writer: 'test' } as const
    await backfill(run, new AbortController().signal)
  }

  async function gaps(cut?: number): Promise<Gap[]> {
    const cutsTable = tableId('sluice.cuts')
    const { rows } = await createLakeQuery({ ...lake, cutsTable }).query(
      'SELECT epoch_ms(from_ts) AS "from", epoch_ms(to_ts) AS "to", missing_count ' +
        "FROM gold.kline_gaps WHERE venue = 'bitfinex' AND venue_symbol = 'BTCUSD' " +
        "AND instrument_id = 'bitfinex:BTCUSD' AND step = '1m' ORDER BY from_ts",
      cut === undefined ? {} : { cut },
    )
    const all: Gap[] = []
    for await (const row of rows) {
      const [fromMs = 0, toMs = 0, missingCount = 0] = row.map(Number)
      all.push({ fromMs, toMs, missingCount })
    }
    return all
  }

  it('has the holes that are known of the venue, to the minute, and every other one', async () => {
    const found = await gaps()
    expect(found).toEqual(reference(lines.map(timeOf)))
    const known = holes.map(({ within }) =>
      found.find(({ fromMs, toMs }) => fromMs < within && within < toMs),
    )
    expect(known.map((gap) => gap?.missingCount)).toEqual([
      ...[44_400, 87_839],
      (minute('2016-08-10T15:53') - minute('2016-08-02T18:02')) / MINUTE_MS - 1,
    ])
    expect(known[2]).toMatchObject({
      fromMs: minute('2016-08-02T18:03'),
      toMs: minute('2016-08-10T15:53'),
    })
  }, 60_000)

  it('has two gaps where a kline comes into one, and at the cut before still one', async () => {
    const before = await gaps()
    const times = [...lines.map(timeOf), holes[1]?.within ?? 0].sort((a, b) => a - b)
    await load('BTCUSD-1m-late.csv', [`${holes[1]?.within},450,450,450,450,1`])
    expect(await gaps()).toEqual(reference(times))
    expect(await gaps()).toHaveLength(before.length + 1)
    expect(await gaps(1)).toEqual(before)
  }, 60_000)
})
