import { hostname } from 'node:os'
import type { CatalogToken } from '../../tables/catalog/rest-server-access.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { Config } from '../config/load-config.ts'
import type { Lake } from '../lake/lake.ts'
import type { LakeSecrets } from '../lake/lake-secrets.ts'
import type { VendedAccount } from '../lake/serve-catalog.ts'
import { withWritableLake } from '../lake/with-writable-lake.ts'
import type { CutReceipt } from '../loop/cut-receipt.ts'
import { runMicroBatches } from '../loop/run-micro-batches.ts'
import { createKafkaSource } from '../sources/kafka-source.ts'
import { connectionOf } from '../sources/kafka-security.ts'
import type { Logger } from '../sources/logger.ts'

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
  /** Of the user in `kafka.sasl`. */
  readonly kafkaPassword?: string | undefined
  readonly hooks: CommitHooks | undefined
  /** Go on where the topics no longer hold what comes next; the loss is kept in sluice.cuts. */
  readonly acceptsLoss?: boolean
  readonly onCut: (receipt: CutReceipt) => void
}

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
      formatVersion: config.tableFormatVersion,
      clock,
      ids,
      catalog: config.lakeCatalog,
      stores: config.stores,
      secrets: options.secrets,
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
  const source = createKafkaSource({
    connection: connectionOf(config.kafka, options.kafkaPassword),
    groupId: config.kafka.groupId,
    topics: config.sources,
    scratchDir: lake.scratchDir,
    clock,
    ids,
    logger,
    ...(config.rateLimit === undefined ? {} : { rateLimit: config.rateLimit }),
  })
  await runMicroBatches(
    {
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
      onCut: options.onCut,
      ...(hooks === undefined ? {} : { hooks }),
    },
    signal,
  )
}
