import { Option, type Command } from 'commander'
import { createMetrics, type Metrics } from '../../../serving/metrics.ts'
import { serveMetrics, type MetricsServer } from '../../../serving/serve-metrics.ts'
import { loadConfig } from '../../config/load-config.ts'
import { createRunStatistics, type RunStatistics } from '../../loop/run-statistics.ts'
import { runLive } from '../../live/run-live.ts'
import { runStandby } from '../../live/run-standby.ts'
import { createFaultHooks } from '../../loop/fault-hooks.ts'
import type { Logger } from '../../sources/logger.ts'
import { printJson, printNote, type CommandContext } from '../command-context.ts'
import { createLogger } from '../create-logger.ts'
import { formatIso } from '../format-units.ts'
import { countFrom } from '../parse-count.ts'
import { addLakeOptions, configuredLake, type LakeOptions } from '../lake-options.ts'
import { writeText } from '../write-text.ts'

interface LiveCommandOptions extends LakeOptions {
  readonly config: string
  readonly standby?: true
  readonly acceptLoss?: true
  readonly metricsPort?: number
  readonly metricsHost?: string
}

/** How often a running loop says how it is. */
const LOG_MS = 5000

export function addLiveCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('live')
    .description('Kafka topics into the lake, until Ctrl-C')
    .requiredOption('--config <file>', 'topics, brokers, trigger and rules (examples/sluice.yaml)')
    .option('--standby', 'wait while another process writes to the lake, take over when it ends')
    .option(
      '--accept-loss',
      'go on where topics no longer hold what comes next; sluice.cuts keeps what was given up',
    )
    .addOption(
      new Option('--metrics-port <port>', 'serve figures for Prometheus at /metrics').argParser(
        countFrom(0, 65_535),
      ),
    )
    .option('--metrics-host <host>', 'where others reach them (default: this machine alone)')
  addLakeOptions(command, context).action(async (options: LiveCommandOptions) => {
    const config = await loadConfig(options.config, context.model.current)
    const { clock, ids, environment } = context
    const { fault } = environment
    const logger = createLogger(environment)
    const statistics = createRunStatistics(clock.nowUs())
    const timer = setInterval(() => logProgress(logger, statistics, clock.nowUs()), LOG_MS)
    const gone = context.readerGone()
    const metrics = createMetrics(clock, {
      freshness: () => statistics.recentFreshness(clock.nowUs()),
    })
    let server: MetricsServer | undefined
    try {
      const metricsPort = options.metricsPort ?? config.metricsPort
      server = await openMetrics(metrics, { ...options, metricsPort }, logger)
      const run = options.standby === true || config.isStandby ? runStandby : runLive
      await run(
        {
          config,
          lakeDirectory: configuredLake(command, context, options, config.lakeDirectory),
          clock,
          ids,
          logger,
          catalogTokens: environment.catalogTokens,
          vendedS3: environment.vendedS3,
          secrets: environment.secrets,
          engine: environment.engine,
          kafkaPassword: environment.kafkaPassword,
          acceptsLoss: options.acceptLoss === true,
          hooks:
            fault === undefined
              ? undefined
              : createFaultHooks(fault, (line) => printNote(context, line)),
          onCut: (receipt) => {
            statistics.add(receipt)
            metrics.addCut(receipt)
          },
          write: (text) => writeText(context.stdout, oneOf(text), gone),
        },
        context.stopSignal(),
      )
    } finally {
      clearInterval(timer)
      await server?.close()
    }
    if (options.json) printJson(context, statistics.totals())
  })
}

async function openMetrics(
  metrics: Metrics,
  {
    metricsPort: port,
    metricsHost: host,
  }: { readonly metricsPort: number | undefined; readonly metricsHost?: string },
  logger: Logger,
): Promise<MetricsServer | undefined> {
  if (port === undefined) return undefined
  const server = await serveMetrics(metrics, { port, ...(host === undefined ? {} : { host }) })
  logger.info({ metrics: server.url }, 'metrics are served')
  return server
}

function logProgress(logger: Logger, statistics: RunStatistics, nowUs: bigint): void {
  const last = statistics.lastCut()
  if (last === undefined) return
  const { freshness: _, ...totals } = statistics.totals()
  const { watermarkUs } = last
  const fields = {
    cut: last.cutNumber,
    ...totals,
    eventsPerSecond: Math.round(statistics.eventsPerSecond(nowUs)),
    freshness: statistics.recentFreshness(nowUs),
    watermark: watermarkUs === undefined ? undefined : formatIso(watermarkUs),
  }
  logger.info(fields, 'cuts')
}

async function* oneOf(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text)
}
