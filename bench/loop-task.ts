import { openLake } from '../pipelines/lake/open-lake.ts'
import type { LakeStores } from '../pipelines/lake/lake-stores.ts'
import type { Lake } from '../pipelines/lake/lake.ts'
import { runMicroBatches } from '../pipelines/loop/run-micro-batches.ts'
import { openLocalLog } from '../pipelines/producers/local-log.ts'
import type { LocalLog } from '../pipelines/producers/local-log.ts'
import { runSimulator } from '../pipelines/producers/run-simulator.ts'
import { createKafkaSource } from '../pipelines/sources/kafka-source.ts'
import { createLogSource } from '../pipelines/sources/log-source.ts'
import { silentLogger } from '../pipelines/sources/logger.ts'
import type { BatchLimits, Source } from '../pipelines/sources/source.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import type { ChildSide } from './child.ts'
import { createCutMeter } from './cut-meter.ts'
import type { CutMeter, LoopReport } from './cut-meter.ts'
import { createSteadySimulator } from './steady-simulator.ts'

/** The live loop over one source, until it has committed a number of messages. */
export interface LoopTask {
  readonly lakeDirectory: string
  /** Where its tables lie; in its folder where absent. */
  readonly stores?: LakeStores
  readonly source:
    | { readonly kind: 'log'; readonly directory: string }
    | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly topic: string }
  readonly limits: BatchLimits
  /** Ends after so many messages; where absent, the parent tells the number later. */
  readonly messageCount?: number
  /** A log's producer lives in the process of its reader. */
  readonly produce?: {
    readonly eventsPerSecond: number
    readonly durationMs: number
    readonly seed: number
  }
}

const LOG_NAME = 'bench'

/** Says 'reading' once the source is open; a number heard is the number of messages to end after. */
export async function runLoopTask(side: ChildSide): Promise<LoopReport> {
  const task = side.task as LoopTask
  const lake = await openLake({
    directory: task.lakeDirectory,
    clock: systemClock,
    ids: randomIds,
    createIfMissing: true,
    stores: task.stores,
  })
  try {
    if (task.source.kind === 'kafka') {
      return await runLoop(side, lake, kafkaSource(lake, task.source))
    }
    const log = await openLocalLog({ directory: task.source.directory, name: LOG_NAME })
    try {
      return await runLoop(side, lake, logSource(lake, log), log)
    } finally {
      await log.close()
    }
  } finally {
    await lake.close()
  }
}

async function runLoop(
  side: ChildSide,
  lake: Lake,
  source: Source,
  log?: LocalLog,
): Promise<LoopReport> {
  const { limits, messageCount, produce } = side.task as LoopTask
  const meter = createCutMeter(messageCount)
  side.hear((word) => meter.endAfter(Number(word)))
  let producer: Promise<void> | undefined
  const onOpen = (): void => {
    meter.begin()
    side.say('reading')
    if (log !== undefined && produce !== undefined) producer = produceInto(log, produce, meter)
  }
  await runMicroBatches(
    {
      lake,
      source: announcing(source, onOpen),
      mode: 'live',
      writer: `bench:${process.pid}`,
      limits,
      onCut: meter.take,
    },
    meter.signal,
  )
  await producer
  return meter.report()
}

function logSource(lake: Lake, log: LocalLog): Source {
  const { scratchDir, ids } = lake
  return createLogSource({ log, format: 'stock-json', scratchDir, ids })
}

function kafkaSource(
  lake: Lake,
  { brokers, topic }: { readonly brokers: readonly string[]; readonly topic: string },
): Source {
  const { scratchDir, clock, ids } = lake
  return createKafkaSource({
    connection: { brokers, clientId: 'sluice-bench' },
    groupId: 'sluice-bench',
    topics: [{ topic, format: 'stock-json', start: 'earliest' }],
    scratchDir,
    clock,
    ids,
    logger: silentLogger,
  })
}

/** The source, and a call when it is open: joining a consumer group is no part of a rate. */
function announcing(source: Source, onOpen: () => void): Source {
  return {
    ...source,
    open: async (positions) => {
      await source.open(positions)
      onOpen()
    },
  }
}

async function produceInto(
  log: LocalLog,
  produce: NonNullable<LoopTask['produce']>,
  meter: CutMeter,
): Promise<void> {
  const stop = AbortSignal.timeout(produce.durationMs)
  const simulator = createSteadySimulator(produce)
  await runSimulator({ simulator, clock: systemClock, send: log.append }, stop)
  meter.endAfter(Number(log.endOffset()))
}
