import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../../pipelines/config/load-config.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { checkConfig, type ConfigPlan } from '../../../pipelines/live/check-config.ts'
import { freePorts } from '../../../stack/free-ports.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'

let folder: string
let lakeDirectory: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-check-'))
  lakeDirectory = join(folder, 'lake')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = (createIfMissing: boolean) =>
  openLake({ directory: lakeDirectory, clock: systemClock, ids: randomIds, createIfMissing })

/** The plan of a config with these sinks, whose brokers do not answer. */
async function planOf(sinks: readonly string[]): Promise<ConfigPlan> {
  const [port] = await freePorts(1)
  const path = join(folder, 'sluice.yaml')
  await writeFile(
    path,
    `kafka: {brokers: ["127.0.0.1:${port}"]}\nsources: [{topic: stocks, format: stock-json}]\n` +
      `sinks:\n${sinks.map((sink) => `  - {${sink}}\n`).join('')}`,
  )
  const config = await loadConfig(path)
  return checkConfig({
    config,
    lakeDirectory,
    kafkaPassword: undefined,
    openLake: () => open(false),
  })
}

const good = "name: good, type: console, table: gold.bars, where: step = '1m'"
const odd = 'name: odd, type: console, table: gold.bars, where: candle = 1, start: earliest'

describe('the plan of a config with sinks', () => {
  it('has a problem for each condition that does not fit, and still says where sinks stand', async () => {
    await (await open(true)).close()
    const { problems, sinks } = await planOf([odd, good])
    expect(problems).toEqual([
      expect.stringContaining('The condition "candle = 1" of a sink does not fit on gold.bars'),
      expect.stringContaining('cannot be reached'),
    ])
    const rows = { type: 'console', table: 'gold.bars', target: 'standard output' }
    expect(sinks).toEqual([
      { ...rows, name: 'odd', where: 'candle = 1', start: 'earliest' },
      { ...rows, name: 'good', where: "step = '1m'", start: 'latest' },
    ])
  }, 30_000)

  it('knows no condition as wrong before there is a lake, and misses no topic unasked', async () => {
    const { problems, sinks, lakeExists } = await planOf([
      odd,
      'name: sent, type: kafka, table: silver.trades, topic: prices',
    ])
    expect(lakeExists).toBe(false)
    expect(problems).toEqual([expect.stringContaining('cannot be reached')])
    expect(sinks.map(({ problem }) => problem)).toEqual([undefined, undefined])
  }, 30_000)

  it('keeps what stops a sink apart from what stops the loop', async () => {
    const file = join(folder, 'occupied')
    await writeFile(file, '')
    const { problems, sinks } = await planOf([
      'name: files, type: parquet, table: silver.trades, folder: ./occupied/below',
    ])
    expect(problems).toHaveLength(1)
    expect(sinks).toMatchObject([
      {
        target: join(file, 'below'),
        problem: expect.stringContaining(`${file} is no folder`) as string,
      },
    ])
  }, 30_000)
})
