import { join } from 'node:path'
import { openKafkaProducer } from '../pipelines/producers/kafka-producer.ts'
import { runSimulator } from '../pipelines/producers/run-simulator.ts'
import { silentLogger } from '../pipelines/sources/logger.ts'
import { startKafkaNode } from '../stack/kafka.ts'
import { systemClock } from '../tables/clock.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { startChild } from './child-process.ts'
import type { LoopReport } from './cut-meter.ts'
import { watchCuts } from './cut-watch.ts'
import { createTopic, fillTopic } from './fill-topic.ts'
import { readFreshness } from './freshness.ts'
import type { LoopTask } from './loop-task.ts'
import { readCounts } from './read-counts.ts'
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
  about: 'a Kafka topic through the loop: rate, freshness, memory (--events --rate --seconds)',
  run: async (context) => {
    const { counts } = readCounts(context.args, defaults)
    const node = await startKafkaNode({ heapMb: 1024 })
    try {
      const brokers = [node.brokers]
      if (counts.events > 0) await measureThroughput(context, counts, brokers)
      if (counts.seconds > 0) await measureFreshness(context, counts, brokers)
    } finally {
      await node.stop()
    }
  },
}

type Counts = Readonly<typeof defaults>

function taskOf(
  context: BenchmarkContext,
  counts: Counts,
  brokers: readonly string[],
  topic: string,
): LoopTask {
  return {
    lakeDirectory: join(context.scratchFolder, topic),
    source: { kind: 'kafka', brokers, topic },
    limits: { rows: counts['batch-rows'], bytes: BATCH_BYTES, timeMs: 1000 },
  }
}

async function measureThroughput(
  context: BenchmarkContext,
  counts: Counts,
  brokers: readonly string[],
): Promise<void> {
  const topic = 'waiting'
  const { events, partitions } = counts
  await fillTopic({ brokers, topic, partitions, count: events })
  const task = { ...taskOf(context, counts, brokers, topic), messageCount: events }
  reportThroughput(context.report, await startChild<string, LoopReport>('loop', task).report)
}

async function measureFreshness(
  context: BenchmarkContext,
  counts: Counts,
  brokers: readonly string[],
): Promise<void> {
  const topic = 'steady'
  const { rate, seconds, partitions } = counts
  await createTopic({ brokers, topic, partitions })
  const task = taskOf(context, counts, brokers, topic)
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
  reportFreshness(context.report, { eventsPerSecond: rate, seconds, clock }, done, freshness)
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
