import { hostname } from 'node:os'
import type { CatalogToken } from '../../tables/catalog/rest-server-access.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import type { Config } from '../config/load-config.ts'
import type { Lake } from '../lake/lake.ts'
import type { LakeSecrets } from '../lake/lake-secrets.ts'
import type { VendedAccount } from '../lake/serve-catalog.ts'
import { withWritableLake } from '../lake/with-writable-lake.ts'
import type { CutReceipt } from '../loop/cut-receipt.ts'
import type { LoopOptions } from '../loop/loop-context.ts'
import type { LoopHooks } from '../loop/loop-hooks.ts'
import { runMicroBatches } from '../loop/run-micro-batches.ts'
import { createKafkaSource } from '../sources/kafka-source.ts'
import { connectionOf } from '../sources/kafka-security.ts'
import type { Logger } from '../sources/logger.ts'
import { createSink } from '../sinks/create-sink.ts'
import { checkSinks } from '../sinks/follow-cuts.ts'
import { keepDueTimes } from './due-times.ts'
import { createSinkFeeder } from '../sinks/sink-feeder.ts'

export interface LiveOptions {
  readonly config: Config
  readonly lakeDirectory: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly logger: Logger
  /** What clients of the catalog must send; needed where it is open to other machines. */
  readonly catalogTokens: readonly CatalogToken[]
  /** Given to clients of the catalog for the files of tables in S3. */
  readonly vendedS3?: VendedAccount | undefined
  /** What another catalog and the stores want of us. */
  readonly secrets?: LakeSecrets
  readonly engine?: EngineLimits
  /** Of the user in `kafka.sasl`. */
  readonly kafkaPassword?: string | undefined
  readonly hooks: LoopHooks | undefined
  /** Go on where the topics no longer hold what comes next; the loss is kept in sluice.cuts. */
  readonly acceptsLoss?: boolean
  readonly onCut: (receipt: CutReceipt) => void
  /** Standard output, for sinks that write there; waits where its reader is slow. */
  readonly write: (text: string) => Promise<void>
}

/** What sinks get to take what is pending when the loop ends; the rest comes at the next start. */
const SINK_DRAIN_MS = 2000

/**
 * Kafka topics into the lake, until the signal: the cut in hand is finished first.
 * @throws SluiceError `commit-conflict` where another process writes to the lake, and as
 * `createKafkaSource` and `runMicroBatches`.
 */
export async function runLive(options: LiveOptions, signal: AbortSignal): Promise<void> {
  const { config, clock, ids, logger } = options
  await withWritableLake(
    {
      directory: options.lakeDirectory,
      purpose: 'sluice live',
      roles: ['stream'],
      formatVersion: config.tableFormatVersion,
      clock,
      ids,
      catalog: config.lakeCatalog,
      model: config.model,
      stores: config.stores,
      secrets: options.secrets,
      engine: options.engine,
      serve: {
        ...config.catalog,
        tokens: options.catalogTokens,
        vended: options.vendedS3,
        logger,
      },
    },
    async ({ lake, directory, catalogUrl }) => {
      logger.info({ lake: directory, catalog: catalogUrl, topics: topicNames(config) }, 'started')
      await runLoop(options, lake, signal)
      logger.info({ lake: directory }, 'stopped; started again it goes on from here')
    },
  )
}

function topicNames(config: Config): readonly string[] {
  return config.sources.map(({ topic }) => topic)
}

async function runLoop(options: LiveOptions, lake: Lake, signal: AbortSignal): Promise<void> {
  const { config, logger, hooks, clock, ids } = options
  const connection = connectionOf(config.kafka, options.kafkaPassword)
  await checkSinks(lake, config.sinks)
  const source = createKafkaSource({
    connection,
    groupId: config.kafka.groupId,
    topics: config.sources,
    scratchDir: lake.scratchDir,
    clock,
    ids,
    logger,
    ...(config.rateLimit === undefined ? {} : { rateLimit: config.rateLimit }),
  })
  const sinks = config.sinks.map((settings) => {
    const sink = createSink(settings, {
      ...{ connection, logger, model: lake.model },
      write: options.write,
    })
    return { settings, sink }
  })
  const feeder = createSinkFeeder(lake, sinks, logger)
  const loop: LoopOptions = {
    lake,
    source,
    mode: 'live',
    writer: `live@${hostname()}:${process.pid}`,
    limits: config.limits,
    allowedLatenessMs: config.allowedLatenessMs,
    idleAfterMs: config.idleAfterMs,
    dedupeMemoryRows: config.dedupeMemoryRows,
    instruments: config.instruments,
    retention: config.retention,
    maxQueryDurationMs: config.maxQueryDurationMs,
    acceptsLoss: options.acceptsLoss === true,
    onLoss: (what) => logger.warn({ what }, 'a loss was accepted and is kept in sluice.cuts'),
    onCut: (receipt) => {
      options.onCut(receipt)
      feeder.notify()
    },
    ...(hooks === undefined ? {} : { hooks }),
  }
  const { bronzeRetention: rule } = config
  const due = rule === undefined ? undefined : await keepDueTimes(rule.schedule)
  const bronzeRetention =
    rule === undefined || due === undefined ? undefined : { ageMs: rule.ageMs, isDue: due.isDue }
  try {
    const ruled = bronzeRetention === undefined ? loop : { ...loop, bronzeRetention }
    await runMicroBatches(ruled, signal)
  } finally {
    await due?.stop()
    await feeder.stop(SINK_DRAIN_MS)
  }
}
