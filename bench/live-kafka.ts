import { join } from 'node:path'
import { openKafkaProducer } from '../pipelines/producers/kafka-producer.ts'
import { runSimulator } from '../pipelines/producers/run-simulator.ts'
import { silentLogger } from '../pipelines/sources/logger.ts'
import { startKafkaNode } from '../stack/kafka.ts'
import { systemClock } from '../tables/clock.ts'
import { startBenchStores, type BenchStore } from './bench-stores.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { besideFirst } from './beside-first.ts'
import { startChild } from './child-process.ts'
import type { LoopReport } from './cut-meter.ts'
import { watchCuts } from './cut-watch.ts'
import { filesACut } from './files-a-cut.ts'
import { createTopic, fillTopic } from './fill-topic.ts'
import { readFreshness } from './freshness.ts'
import type { LoopTask } from './loop-task.ts'
import { readCounts } from './read-counts.ts'
import { readStoreNames } from './read-store-names.ts'
import { reportFreshness, reportThroughput } from './report-loop.ts'
import { createSteadySimulator } from './steady-simulator.ts'

const defaults = {
  events: 500_000,
  rate: 5000,
  seconds: 30,
  'batch-rows': 200_000,
  partitions: 4,
}
const BATCH_BYTES = 64 * 1024 * 1024

/** A real broker on this machine, and the loop in a process of its own. */
export const liveKafkaBenchmark: Benchmark = {
  name: 'live-kafka',
  about:
    'a Kafka topic through the loop: rate, freshness, memory (--events --rate --seconds --store)',
  run: async ({ args, scratchFolder, report }) => {
    const { stores: names, rest } = readStoreNames(args)
    const { counts } = readCounts(rest, defaults)
    const stores = await startBenchStores(names)
    const node = await startKafkaNode({ heapMb: 1024 }).catch(async (error: unknown) => {
      await stores.stop()
      throw error
    })
    try {
      const brokers = [node.brokers]
      const { events, partitions } = counts
      if (events > 0) await fillTopic({ brokers, topic: WAITING, partitions, count: events })
      const reportOf = besideFirst(report, stores.all)
      for (const store of stores.all) {
        const run = { store, counts, brokers, scratchFolder, report: reportOf(store) }
        if (counts.events > 0) await measureThroughput(run)
        if (counts.seconds > 0) await measureFreshness(run)
      }
    } finally {
      await node.stop()
      await stores.stop()
    }
  },
}

/** The topic that every store's loop reads from its start. */
const WAITING = 'waiting'

interface KafkaRun extends Pick<BenchmarkContext, 'scratchFolder' | 'report'> {
  readonly store: BenchStore
  readonly counts: Readonly<typeof defaults>
  readonly brokers: readonly string[]
}

function taskOf(
  { store, counts, brokers, scratchFolder }: KafkaRun,
  lake: string,
  topic: string,
): LoopTask {
  return {
    lakeDirectory: join(scratchFolder, store.name, lake),
    stores: store.storesOf(lake),
    source: { kind: 'kafka', brokers, topic },
    limits: { rows: counts['batch-rows'], bytes: BATCH_BYTES, timeMs: 1000 },
  }
}

async function measureThroughput(run: KafkaRun): Promise<void> {
  const task = { ...taskOf(run, 'waiting', WAITING), messageCount: run.counts.events }
  reportThroughput(run.report, await startChild<string, LoopReport>('loop', task).report)
}

async function measureFreshness(run: KafkaRun): Promise<void> {
  const { counts, brokers, report, store } = run
  const topic = `steady-${store.name.toLowerCase().replaceAll(' ', '-')}`
  const { rate, seconds, partitions } = counts
  await createTopic({ brokers, topic, partitions })
  const task = taskOf(run, 'steady', topic)
  const child = startChild<string, LoopReport>('loop', task)
  await child.nextNews()
  const watch = await watchCuts(task.lakeDirectory)
  const finish = async (): Promise<LoopReport> => {
    child.tell(await produce(brokers, topic, rate, seconds * 1000))
    return child.report
  }
  const done = await finish().finally(() => watch.stop())
  const freshness = await readFreshness(task.lakeDirectory, await watch.stop())
  const clock = 'handed to the producer → seen by another process through the catalog'
  reportFreshness(report, { eventsPerSecond: rate, seconds, clock }, done, freshness)
  report(await filesACut(task.lakeDirectory, done.cuts))
}

/** Sends the simulator's messages as they come up. Gives how many the broker has taken. */
async function produce(
  brokers: readonly string[],
  topic: string,
  eventsPerSecond: number,
  durationMs: number,
): Promise<number> {
  const connection = { brokers, clientId: 'sluice-bench-producer' }
  const producer = await openKafkaProducer({ connection, topic, logger: silentLogger })
  let sent = 0
  try {
    const simulator = createSteadySimulator({ eventsPerSecond, seed: 1 })
    const send = async (messages: Parameters<typeof producer.send>[0]): Promise<void> => {
      await producer.send(messages)
      sent += messages.length
    }
    await runSimulator({ simulator, clock: systemClock, send }, AbortSignal.timeout(durationMs))
  } finally {
    await producer.close()
  }
  return sent
}
