import type { Config } from '../config/load-config.ts'
import { readLakeFile } from '../lake/lake-file.ts'
import { readLakeHolder } from '../lake/lake-lock.ts'
import type { Lake } from '../lake/lake.ts'
import { readPartLines } from '../lake/read-cuts.ts'
import { isMadeOf } from '../../shared-transforms/gold-tables.ts'
import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import { SluiceError } from '../../tables/errors.ts'
import { createKafkaClient } from '../sources/kafka-client.ts'
import { kafkaFailure } from '../sources/kafka-failure.ts'
import { connectionOf, type KafkaSettings } from '../sources/kafka-security.ts'
import { resolveStarts, type KafkaStart } from '../sources/kafka-positions.ts'
import { silentLogger } from '../sources/logger.ts'
import { partKey } from '../sources/source.ts'
import { checkSinks } from '../sinks/follow-cuts.ts'
import { planSink, readSinkStanding, type SinkPlan, type SinkStanding } from '../sinks/plan-sink.ts'
import { createSinkPositions } from '../sinks/sink-position.ts'
import type { SinkSettings } from '../sinks/sink-settings.ts'

/** One topic, and what becomes of its messages. */
export interface TopicPlan {
  readonly topic: string
  readonly format: string
  /** Tables that its messages and rows go to, by dotted name. */
  readonly tables: readonly string[]
  /** Empty where the brokers did not answer. */
  readonly partitions: readonly PartitionPlan[]
}

export interface PartitionPlan {
  readonly partition: number
  /** The next offset that would be read. */
  readonly startOffset: bigint
  /** Messages that wait there now; compaction may have left fewer. */
  readonly waitingCount: bigint
  readonly isKnownToLake: boolean
}

/** What `live` would do with a config, and what would stop it. */
export interface ConfigPlan {
  readonly lakeDirectory: string
  readonly lakeExists: boolean
  /** How the brokers are reached; it holds no secret. */
  readonly kafka: KafkaSettings
  readonly topics: readonly TopicPlan[]
  /** Their own problems are not among `problems`: it would run without them. */
  readonly sinks: readonly SinkPlan[]
  /** Each a sentence; empty where it would run. */
  readonly problems: readonly string[]
}

/** Gives `otherwise` where `work` throws a SluiceError, whose message then is a problem. */
type Attempt = <T>(work: () => Promise<T>, otherwise: T) => Promise<T>

/** What the lake knows. */
interface HeldPlaces {
  /** Exclusive ends by `partKey`. */
  readonly positions: ReadonlyMap<string, bigint>
  readonly standings: ReadonlyMap<string, SinkStanding>
}

/** What the brokers say. */
interface BrokerFacts {
  readonly starts: readonly KafkaStart[]
  /** Undefined where they did not answer. */
  readonly topics?: ReadonlySet<string>
}

/** Asks the lake, the brokers and the folders of sinks; changes none of them. */
export async function checkConfig(options: {
  readonly config: Config
  readonly lakeDirectory: string
  /** Of the user in `kafka.sasl`. */
  readonly kafkaPassword: string | undefined
  readonly openLake: () => Promise<Lake>
}): Promise<ConfigPlan> {
  const { config, lakeDirectory } = options
  const problems: string[] = []
  const attempt: Attempt = async (work, otherwise) => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      problems.push(error.message)
      return otherwise
    }
  }
  const lakeFile = await attempt(() => readLakeFile(lakeDirectory), undefined)
  const holder = await readLakeHolder(lakeDirectory)
  if (holder !== undefined) {
    problems.push(
      `The lake is in use by ${holder.purpose}, process ${holder.pid} on ${holder.host}: stop it first.`,
    )
  }
  const nothing: HeldPlaces = { positions: new Map(), standings: new Map() }
  const { positions, standings } =
    lakeFile === undefined
      ? nothing
      : await attempt(() => readPlaces(options.openLake, config.sinks, attempt), nothing)
  const facts = await attempt<BrokerFacts>(
    () => readBrokers(config, options.kafkaPassword, positions, attempt),
    { starts: [] },
  )
  return {
    lakeDirectory,
    lakeExists: lakeFile !== undefined,
    kafka: config.kafka,
    topics: config.sources.map(({ topic, format }) => ({
      topic,
      format,
      tables: tablesOf(config.model, format),
      partitions: facts.starts
        .filter((start) => start.topic.topic === topic)
        .map((start) => partitionPlan(start, positions)),
    })),
    sinks: await Promise.all(
      config.sinks.map((sink) => planSink(sink, standings.get(sink.name) ?? {}, facts.topics)),
    ),
    problems,
  }
}

function partitionPlan(
  { part, startOffset, range }: KafkaStart,
  positions: ReadonlyMap<string, bigint>,
): PartitionPlan {
  return {
    partition: part.partition,
    startOffset,
    waitingCount: range.high - startOffset,
    isKnownToLake: positions.has(partKey(part)),
  }
}

/** Bronze, silver and gold tables of each kind of a format. */
function tablesOf({ formats, goldTables }: LakeModel, format: string): readonly string[] {
  const kinds = formats.get(format)?.kinds ?? []
  return kinds.flatMap((kind) => [
    `bronze.${kind}_messages`,
    `silver.${kind}s`,
    ...goldTables.filter((gold) => isMadeOf(gold, kind)).map((gold) => gold.name),
  ])
}

async function readPlaces(
  open: () => Promise<Lake>,
  sinks: readonly SinkSettings[],
  attempt: Attempt,
): Promise<HeldPlaces> {
  const lake = await open()
  try {
    const session = await lake.engine.connect()
    const parts = await readPartLines(lake, session)
    session.close()
    const sinkPositions = createSinkPositions(lake.fileIO, lake.location)
    const standings = new Map<string, SinkStanding>()
    for (const sink of sinks) {
      await attempt(() => checkSinks(lake, [sink]), undefined)
      standings.set(sink.name, await readSinkStanding(sinkPositions, sink.name))
    }
    return {
      positions: new Map(
        parts.map(({ source, source_partition: partition, end_offset: endOffset }) => [
          partKey({ source, partition }),
          endOffset,
        ]),
      ),
      standings,
    }
  } finally {
    await lake.close()
  }
}

async function readBrokers(
  config: Config,
  kafkaPassword: string | undefined,
  positions: ReadonlyMap<string, bigint>,
  attempt: Attempt,
): Promise<BrokerFacts> {
  const connection = connectionOf(config.kafka, kafkaPassword)
  const { brokers } = connection
  const client = createKafkaClient({ connection, logger: silentLogger, retries: 1 })
  const admin = client.kafka.admin()
  try {
    await admin.connect()
    const topics = new Set(await admin.listTopics())
    const asked = { admin, topics: config.sources, positions, brokers }
    return { topics, starts: await attempt(() => resolveStarts(asked), []) }
  } catch (error) {
    throw kafkaFailure(connection, error, {
      undone: 'Its topics were not looked at.',
      next: 'Start the broker or correct kafka.brokers in the config.',
    })
  } finally {
    await admin.disconnect().catch(() => undefined)
    client.destroy()
  }
}
