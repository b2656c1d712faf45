import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import type { CutReceipt } from '../../pipelines/loop/cut-receipt.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { openLocalLog } from '../../pipelines/producers/local-log.ts'
import { createSimulator } from '../../pipelines/producers/simulator.ts'
import { createLogSource } from '../../pipelines/sources/log-source.ts'
import type { Source } from '../../pipelines/sources/source.ts'
import { verifyLake } from '../../pipelines/verify/verify-lake.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { send } from '../pipelines/sources/kafka-rig.ts'
import { createForeignWriter } from '../support/foreign-writer.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import {
  createKillHistogram,
  killPhases,
  killPoints,
  killSluice,
  type KillAt,
} from '../support/killed-sluice.ts'
import { readContentHashes } from '../support/lake-content.ts'
import { createListSource } from '../support/list-source.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { openMemoryLake } from '../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice } from '../support/sluice-process.ts'

/** Kills of each kind of process: at every point once, the rest anywhere. */
const KILLS = { 'live from a log': 13, 'live from Kafka': 13, backfill: 12, replay: 12 } as const
type Victim = keyof typeof KILLS

/** Processes side by side on a busy machine. */
const LANE_MS = 1_800_000

/** Kafka's: several cuts of each start, but not many to be made up for at the end. */
const MESSAGES_A_START = 120
const ROWS_A_CUT = 30

const limits = { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 }

/** Where each of so many processes is killed; those without an end come to several cuts. */
function killPlan(victim: Victim, hasEnd: boolean): readonly KillAt[] {
  const random = fc.sample(
    fc.record({
      pointCount: fc.nat(hasEnd ? 5 : 9),
      afterMs: fc.noBias(fc.nat(120)),
    }),
    KILLS[victim] - killPoints.length,
  )
  const forced = killPoints.map((at, index) => (hasEnd ? { at } : { at, times: 1 + (index % 3) }))
  const all: KillAt[] = []
  for (let index = 0; all.length < KILLS[victim]; index++) {
    all.push(...forced.slice(index, index + 1), ...random.slice(index, index + 1))
  }
  return all
}

await describeWithService('kafka', 'SIGKILL, fifty times', () => {
  let folder: string
  const histogram = createKillHistogram()
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-kills-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  /** One kill; a process that was through before is started again, with what `feed` gives it. */
  async function kill(
    victim: Victim,
    at: KillAt,
    args: () => Promise<readonly string[]>,
  ): Promise<void> {
    for (;;) {
      const phase = await killSluice(await args(), at)
      if (phase === undefined) continue
      histogram.add(victim, phase)
      return
    }
  }

  /** The lake holds what another one does that nobody disturbed, and its books are right. */
  async function expectUndisturbed(
    directory: string,
    undisturbed: (lake: Lake) => Promise<unknown>,
  ): Promise<void> {
    const other = await openMemoryLake({ clock: systemClock })
    const lake = await openExistingLake(directory)
    try {
      await undisturbed(other)
      const { message_count: messages, silver_count: silver } = await readTotals(other)
      expect(messages).toBeGreaterThan(0n)
      expect(await readTotals(lake)).toMatchObject({
        message_count: messages,
        silver_count: silver,
      })
      expect(await readContentHashes(lake)).toEqual(await readContentHashes(other))
      expect(await receiptProblems(lake)).toEqual([])
      const { checks } = await verifyLake({ lake, isDeep: true })
      expect(checks.flatMap(({ findings }) => findings)).toEqual([])
    } finally {
      await lake.close()
      await other.close()
    }
  }

  const runThrough = (lake: Lake, source: Source, messageCount: number) => {
    const stop = new AbortController()
    let committed = 0
    const onCut = (receipt: CutReceipt) => {
      committed += receipt.messageCount
      if (committed >= messageCount) stop.abort()
    }
    return runMicroBatches(
      { lake, source, mode: 'live', writer: 'test', limits, onCut },
      stop.signal,
    )
  }

  it.concurrent(
    'loses and doubles nothing of a log that is written and read',
    { timeout: LANE_MS },
    async () => {
      const directory = join(folder, 'log-lake')
      const [port = 0] = await freePorts(1)
      const args = ['demo', '--lake', directory, '--rate', '300', '--port', String(port)]
      for (const at of killPlan('live from a log', false)) {
        await kill('live from a log', at, () => Promise.resolve(args))
      }
      const ended = await runSluice([...args, '--duration', '1s'])
      expect(ended.code, ended.stderr).toBe(0)
      // Reading deletes what is committed: the undisturbed run has a log of its own.
      const copy = join(folder, 'log-copy')
      await cp(join(directory, 'log'), copy, { recursive: true })
      const log = await openLocalLog({ directory: copy, name: 'demo' })
      try {
        await expectUndisturbed(directory, (lake) => {
          const { scratchDir, ids } = lake
          const source = createLogSource({ log, format: 'stock-json', scratchDir, ids })
          return runThrough(lake, source, Number(log.endOffset()))
        })
      } finally {
        await log.close()
      }
    },
  )

  it.concurrent('loses and doubles nothing of a topic', { timeout: LANE_MS }, async () => {
    const broker = await startKafka()
    try {
      await killOnTopic(broker)
    } finally {
      await broker.stop()
    }
  })

  async function killOnTopic(broker: KafkaBroker): Promise<void> {
    const directory = join(folder, 'kafka-lake')
    const config = join(folder, 'kafka.yaml')
    const simulator = createSimulator({ eventsPerSecond: 500, seed: 11 })
    const payloads: Uint8Array[] = []
    let nowUs = systemClock.nowUs() - 3_600_000_000n
    /** Some seconds of the market; each start is a group of its own, see below. */
    const feed = async (): Promise<readonly string[]> => {
      const fresh: Uint8Array[] = []
      while (fresh.length < MESSAGES_A_START) {
        const made = simulator.tick((nowUs += 250_000n))
        fresh.push(...made.flatMap(({ payload }) => (payload === null ? [] : [payload])))
      }
      payloads.push(...fresh)
      const messages = fresh.map((value) => ({ value: Buffer.from(value), partition: 0 }))
      await send(broker.brokers, 'stocks', messages)
      return start(ROWS_A_CUT)
    }
    /** The broker would take a killed member for alive for a while. */
    const start = async (rows: number): Promise<readonly string[]> => {
      const [port] = await freePorts(1)
      const lines = [
        `lake: ${directory}`,
        `catalog: { port: ${port} }`,
        `kafka: { brokers: ${JSON.stringify(broker.brokers)}, group_id: ${randomIds.uuid()} }`,
        'sources: [{ topic: stocks, format: stock-json, start: earliest }]',
        `trigger: { time_ms: 100, rows: ${rows} }`,
      ]
      await writeFile(config, `${lines.join('\n')}\n`)
      return ['live', '--config', config]
    }
    await broker.createTopic('stocks', 1)
    for (const at of killPlan('live from Kafka', false)) await kill('live from Kafka', at, feed)
    await readToTheEnd(directory, await start(payloads.length), BigInt(payloads.length))
    await expectUndisturbed(directory, (lake) =>
      runThrough(
        lake,
        createListSource({
          messages: payloads.map((payload, index) => ({
            ...{ part: { source: 'kafka:stocks', partition: 0 }, format: 'stock-json' },
            ...{ offset: BigInt(index), payload, receivedUs: systemClock.nowUs() },
          })),
          ...{ batchSizes: [1_000_000], scratchDir: lake.scratchDir, ids: randomIds },
        }),
        payloads.length,
      ),
    )
  }

  async function readToTheEnd(
    directory: string,
    args: readonly string[],
    messageCount: bigint,
  ): Promise<void> {
    const live = startSluice(args)
    await live.waitFor(/"msg":"started"/)
    const lake = await openExistingLake(directory)
    try {
      while ((await readTotals(lake)).message_count < messageCount) await delay(100)
    } finally {
      await lake.close()
    }
    expect(await live.stop('SIGTERM'), live.output()).toBe(0)
  }

  it.concurrent(
    'loses and doubles nothing of files, nor of days that are derived again',
    { timeout: LANE_MS },
    async () => {
      const directory = join(folder, 'history-lake')
      const files: string[] = []
      /** One more day each time, beside those that a killed process did not get to. */
      const nextDay = async (): Promise<readonly string[]> => {
        const file = join(folder, `day-${files.length}.jsonl`)
        await writeFile(file, dayOfTrades(files.length))
        files.push(file)
        return backfillArgs()
      }
      const backfillArgs = () => [
        ...['backfill', ...files, '--format', 'stock-json', '--lake', directory],
      ]
      for (const at of killPlan('backfill', true)) await kill('backfill', at, nextDay)
      const filled = await runSluice(backfillArgs())
      expect(filled.code, filled.stderr).toBe(0)

      const closedUntil = dayText(files.length - 1)
      const range = ['--from', dayText(0), '--to', closedUntil]
      const replayArgs = ['replay', ...range, '--lake', directory]
      let broken = 0
      /** A replay of what is right makes no cut: somebody deletes rows first. */
      const damage = async (): Promise<readonly string[]> => {
        broken += 1
        const lake = await openExistingLake(directory)
        try {
          const rows = `price = ${100 + broken} AND event_ts < TIMESTAMPTZ '${closedUntil} 00:00:00+00'`
          await createForeignWriter(lake).deleteWhere('silver.trades', rows)
        } finally {
          await lake.close()
        }
        return replayArgs
      }
      for (const at of killPlan('replay', true)) await kill('replay', at, damage)
      const replayed = await runSluice(replayArgs)
      expect(replayed.code, replayed.stderr).toBe(0)
      await expectUndisturbed(directory, (lake) =>
        backfill(
          { lake, format: 'stock-json', files, writer: 'test' },
          new AbortController().signal,
        ),
      )
    },
  )

  it('was all that, and in every phase of every kind of process', () => {
    console.info(`killed ${histogram.count()} times\n  ${histogram.lines().join('\n  ')}`)
    expect(histogram.count()).toBe(50)
    for (const [victim, times] of Object.entries(KILLS)) {
      expect(histogram.count(victim)).toBe(times)
      for (const phase of Object.values(killPhases)) {
        expect(histogram.count(victim, phase), `${victim}, ${phase}`).toBeGreaterThan(0)
      }
    }
  })
})

function dayText(day: number): string {
  return new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10)
}

/** Trades of two symbols, some said twice, some contradicted. */
function dayOfTrades(day: number): string {
  const lines = Array.from({ length: 200 }, (_, index) => {
    const said = index % 17 === 5 ? index - 2 : index
    const price = (index % 34 === 5 ? 500 : 100) + (said % 40)
    const time = new Date(Date.UTC(2024, 0, 1 + day, 14, 30, Math.floor(said / 2))).toISOString()
    return JSON.stringify({
      ...{ trade_id: `T${day}-${said}`, symbol: said % 2 === 0 ? 'AAPL' : 'MSFT' },
      ...{ price, volume: 10, timestamp: time, trade_type: 'BUY', exchange: 'NASDAQ' },
    })
  })
  return `${lines.join('\n')}\n`
}
