import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRunStatistics } from '../../pipelines/loop/run-statistics.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import type { CutReceipt } from '../../pipelines/loop/cut-receipt.ts'
import { headOf, loadHeads, planHead } from '../../pipelines/loop/loop-context.ts'
import { createMetrics, type Metrics } from '../../serving/metrics.ts'
import { serveMetrics } from '../../serving/serve-metrics.ts'
import { systemClock } from '../../tables/clock.ts'
import { createListSource, type ListedMessage } from '../support/list-source.ts'
import { readRows } from '../support/lake-content.ts'
import { openLocalLake, type LocalLake } from '../support/local-lake.ts'
import { parsePrometheusText, type Family } from '../support/prometheus-text.ts'

const START_MS = 1_736_985_590_000

/** Every third is the one before it again, the last is no JSON. */
const messages: readonly ListedMessage[] = Array.from({ length: 10 }, (_, index) => ({
  part: { source: 'kafka:stocks', partition: 0 },
  format: 'stock-json',
  offset: BigInt(index),
  payload:
    index === 9
      ? 'broken'
      : JSON.stringify({
          trade_id: `T${index % 3 === 2 ? index - 1 : index}`,
          symbol: 'AAPL',
          price: 100,
          volume: 10,
          timestamp: new Date(START_MS + (index % 3 === 2 ? index - 1 : index)).toISOString(),
          trade_type: 'BUY',
          exchange: 'NASDAQ',
        }),
  receivedUs: BigInt(START_MS) * 1000n,
}))

/** What a scrape after each cut of a small loop says. */
let local: LocalLake
let metrics: Metrics
const scrapes: (readonly Family[])[] = []
const receipts: CutReceipt[] = []
beforeAll(async () => {
  local = await openLocalLake()
  const { lake } = local
  const statistics = createRunStatistics(systemClock.nowUs())
  metrics = createMetrics(systemClock, {
    freshness: () => statistics.recentFreshness(systemClock.nowUs()),
  })
  scrapes.push(parsePrometheusText(await metrics.render()))
  const pending: Promise<string>[] = []
  await runMicroBatches(
    {
      lake,
      source: createListSource({
        ...{ messages, batchSizes: [4], scratchDir: lake.scratchDir, ids: lake.ids },
      }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      onCut: (receipt) => {
        receipts.push(receipt)
        statistics.add(receipt)
        metrics.addCut(receipt)
        pending.push(metrics.render())
      },
    },
    new AbortController().signal,
  )
  for (const text of pending) scrapes.push(parsePrometheusText(await text))
})
afterAll(() => local.close())

function valueOf(
  families: readonly Family[] | undefined,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const samples = families?.flatMap((family) => family.samples) ?? []
  return samples.find((sample) => {
    const isSame = Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
    return sample.name === name && isSame
  })?.value
}

describe('the metrics of a loop', () => {
  it('are named by the conventions: prefix, base units, total for counters alone', () => {
    for (const { name, type, help } of (scrapes[0] ?? []).filter((family) =>
      family.name.startsWith('sluice_'),
    )) {
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      expect(name).not.toMatch(/milli|micro|_ms|_us\b|minutes|percent/)
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
      expect(help).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('count what the receipts say, from the first scrape on', () => {
    const sum = (read: (receipt: CutReceipt) => number): number =>
      receipts.reduce((total, receipt) => total + read(receipt), 0)
    const last = scrapes.at(-1)
    expect(receipts.length).toBeGreaterThan(1)
    expect(valueOf(scrapes[0], 'sluice_messages_total', { outcome: 'rejected' })).toBe(0)
    expect(valueOf(last, 'sluice_cuts_total')).toBe(receipts.length)
    expect(valueOf(last, 'sluice_messages_total', { outcome: 'decoded' })).toBe(9)
    expect(valueOf(last, 'sluice_messages_total', { outcome: 'rejected' })).toBe(1)
    expect(valueOf(last, 'sluice_duplicate_rows_total')).toBe(3)
    expect(valueOf(last, 'sluice_rejects_total', { reason: 'bad-json' })).toBe(1)
    expect(valueOf(last, 'sluice_rows_total', { table: 'silver.trades' })).toBe(6)
    expect(valueOf(last, 'sluice_late_rows_total')).toBe(sum((receipt) => receipt.lateCount))
    expect(valueOf(last, 'sluice_cut_duration_seconds_count')).toBe(receipts.length)
    for (const phase of ['derive', 'write', 'commit'] as const) {
      const total = valueOf(last, 'sluice_cut_phase_duration_seconds_sum', { phase })
      expect(total).toBeCloseTo(sum(({ timings }) => timings[phase]) / 1000, 9)
    }
  })

  it('never let a counter go down', () => {
    scrapes.slice(1).forEach((scrape, index) => {
      for (const family of scrapes[index] ?? []) {
        if (family.type !== 'counter') continue
        for (const { name, labels, value } of family.samples) {
          expect(valueOf(scrape, name, labels), name).toBeGreaterThanOrEqual(value)
        }
      }
    })
  })

  it('say nothing of a cut before there is one', () => {
    expect(valueOf(scrapes[0], 'sluice_last_cut_age_seconds')).toBeUndefined()
    expect(valueOf(scrapes[0], 'sluice_freshness_seconds')).toBeUndefined()
    expect(valueOf(scrapes.at(-1), 'sluice_last_cut_age_seconds')).toBeGreaterThanOrEqual(0)
    expect(valueOf(scrapes.at(-1), 'sluice_last_cut_number')).toBe(receipts.length)
    const p99 = valueOf(scrapes.at(-1), 'sluice_freshness_seconds', { quantile: '0.99' })
    // The messages were received in January 2025; more than a minute counts as a minute.
    expect(p99).toBe(60)
  })

  it('tell what the cuts leave behind: open windows and live files', async () => {
    const [open] = await readRows<{ n: bigint }>(
      local.lake,
      'gold.bars',
      'SELECT count(*) AS n FROM t WHERE NOT is_sealed',
    )
    expect(open?.n).toBeGreaterThan(0n)
    const last = scrapes.at(-1)
    expect(valueOf(last, 'sluice_open_windows', { table: 'gold.bars' })).toBe(Number(open?.n))
    const heads = await loadHeads(local.lake)
    for (const table of ['silver.trades', 'bronze.trade_messages', 'gold.bars']) {
      const plan = await planHead(local.lake, headOf(heads, table), [])
      expect(valueOf(last, 'sluice_live_files', { table }), table).toBe(plan.tasks.length)
    }
  })

  it('tell how far each partition is behind the end of its log, after each cut', () => {
    const part = { source: 'kafka:stocks', partition: '0' }
    const lags = scrapes.map((scrape) => valueOf(scrape, 'sluice_source_lag_messages', part))
    // Ten messages in cuts of four.
    expect(lags).toEqual([undefined, 6, 2, 0])
  })

  it('forget the lag of a partition that the newest cut does not know', async () => {
    const [receipt] = receipts
    const figures = receipt?.figures
    if (receipt === undefined || figures === undefined) throw new Error('there are no figures')
    const own = createMetrics(systemClock, { freshness: () => undefined })
    const scrape = async (partition: number) => {
      const lags = [{ source: 'kafka:a', partition, offsetCount: 7 }]
      own.addCut({ ...receipt, figures: { ...figures, lags } })
      return parsePrometheusText(await own.render())
    }
    await scrape(0)
    const later = await scrape(1)
    const family = later.find(({ name }) => name === 'sluice_source_lag_messages')
    expect(family?.samples.map(({ labels, value }) => [labels['partition'], value])).toEqual([
      ['1', 7],
    ])
  })

  it('tell of the process', () => {
    expect(valueOf(scrapes.at(-1), 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  })
})

describe('the metrics server', () => {
  it('answers on this machine in the text format, and frees its port', async () => {
    const server = await serveMetrics(metrics, { port: 0 })
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    const port = Number(new URL(server.url).port)
    await expect(serveMetrics(metrics, { port })).rejects.toMatchObject({
      kind: 'storage-unavailable',
      message: expect.stringMatching(/EADDRINUSE.*Name another port/) as string,
    })
    const answer = await fetch(server.url)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(parsePrometheusText(await answer.text()).length).toBeGreaterThan(10)
    expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404)
    await server.close()
    const again = await serveMetrics(metrics, { port })
    await again.close()
  })
})
