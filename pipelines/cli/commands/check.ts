import type { Command } from 'commander'
import { isErrorKind } from '../../../tables/errors.ts'
import type { LakeModel } from '../../../shared-transforms/lake-model.ts'
import { loadConfig, type Config } from '../../config/load-config.ts'
import { openLake } from '../../lake/open-lake.ts'
import { checkConfig, type ConfigPlan, type TopicPlan } from '../../live/check-config.ts'
import type { SinkPlan } from '../../sinks/plan-sink.ts'
import type { KafkaSettings } from '../../sources/kafka-security.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, configuredLake, type LakeOptions } from '../lake-options.ts'
import { exitCodes } from '../report-failure.ts'
import { drawTextTable } from '../text-table.ts'

interface CheckOptions extends LakeOptions {
  readonly config: string
}

export function addCheckCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('check')
    .description(
      'what a config would do: topics, formats, tables, positions, sinks; 1 if it would not run ' +
        'or a sink would get nothing',
    )
    .requiredOption('--config <file>', 'the config of `sluice live`')
  addLakeOptions(command, context).action(async (options: CheckOptions) => {
    const config = await loadOrRefuse(options.config, context.model.current)
    const plan =
      typeof config === 'string'
        ? { ...noPlan, lakeDirectory: options.lake, problems: [config] }
        : await planOf(
            context,
            config,
            configuredLake(command, context, options, config.lakeDirectory),
          )
    if (options.json) printJson(context, { ...plan, wouldRun: plan.problems.length === 0 })
    else for (const line of drawPlan(plan)) printLine(context, line)
    const isWhole = plan.problems.length === 0 && sinkProblems(plan).length === 0
    if (!isWhole) context.setExitCode(exitCodes.failed)
  })
}

async function planOf(
  context: CommandContext,
  config: Config,
  lakeDirectory: string,
): Promise<ConfigPlan> {
  const { clock, ids, environment } = context
  return checkConfig({
    config,
    lakeDirectory,
    kafkaPassword: environment.kafkaPassword,
    openLake: () =>
      openLake({
        ...{ directory: lakeDirectory, clock, ids, createIfMissing: false },
        model: config.model,
        secrets: environment.secrets,
        engine: environment.engine,
      }),
  })
}

/** A config with mistakes says nothing of brokers. */
type DrawnPlan = Omit<ConfigPlan, 'kafka'> & { readonly kafka?: KafkaSettings }
const noPlan: DrawnPlan = {
  ...{ lakeDirectory: '', lakeExists: false },
  ...{ topics: [], sinks: [], problems: [] },
}

function sinkProblems({ sinks }: DrawnPlan): readonly string[] {
  return sinks.flatMap(({ problem }) => problem ?? [])
}

/** The mistakes of a config are an answer here; a file that is not there is a wrong call. */
async function loadOrRefuse(path: string, model: LakeModel): Promise<Config | string> {
  try {
    return await loadConfig(path, model)
  } catch (error) {
    if (isErrorKind(error, 'invalid-input') && error.cause === undefined) return error.message
    throw error
  }
}

function drawPlan(plan: DrawnPlan): readonly string[] {
  return [
    `lake  ${plan.lakeDirectory}${plan.lakeExists ? '' : ' (none there yet: it would be made)'}`,
    ...(plan.kafka === undefined ? [] : [`kafka ${kafkaText(plan.kafka)}`]),
    ...plan.topics.flatMap(drawTopic),
    ...plan.sinks.flatMap(drawSink),
    ...drawVerdict(plan),
  ]
}

/** Sinks that are away hold up nobody: they are told of, and the rest runs. */
function drawVerdict(plan: DrawnPlan): readonly string[] {
  const ofSinks = sinkProblems(plan)
  const listed = [...plan.problems, ...ofSinks].map((problem) => `  ${problem}`)
  if (plan.problems.length > 0) return ['it would not run:', ...listed]
  if (ofSinks.length > 0) return ['it would run, but a sink would get nothing:', ...listed]
  return ['it would run']
}

/** `localhost:9093, TLS (authority ca.pem), SASL scram-sha-256 as sluice`. */
function kafkaText({ brokers, tls, sasl }: KafkaSettings): string {
  const files = [
    ...(tls?.caPath === undefined ? [] : [`authority ${tls.caPath}`]),
    ...(tls?.certPath === undefined ? [] : [`our certificate ${tls.certPath}`]),
    ...(tls?.serverName === undefined ? [] : [`their name ${tls.serverName}`]),
  ]
  const detail = files.length === 0 ? '' : ` (${files.join(', ')})`
  return [
    ...brokers,
    ...(tls === undefined ? [] : [`TLS${detail}`]),
    ...(sasl === undefined ? [] : [`SASL ${sasl.mechanism} as ${sasl.username}`]),
  ].join(', ')
}

function drawTopic({ topic, format, tables, partitions }: TopicPlan): readonly string[] {
  const rows = partitions.map((partition) => [
    `  partition ${partition.partition}`,
    `from ${formatCount(partition.startOffset)}`,
    `${formatCount(partition.waitingCount)} waiting`,
    partition.isKnownToLake ? 'where the lake is' : 'new to the lake',
  ])
  const left = { title: '', align: 'left' } as const
  const right = { title: '', align: 'right' } as const
  return [
    `topic ${topic}, ${format} -> ${tables.join(', ')}`,
    ...drawTextTable([left, right, right, left], rows).slice(1),
  ]
}

const sinkTargets = { console: '', kafka: 'topic ', parquet: 'folder ' } as const

/** `sink files, silver.trades -> folder /data/export`, its condition, and where it stands. */
function drawSink({ name, type, table, target, where, afterCut, start }: SinkPlan): string[] {
  const first =
    start === 'earliest' ? 'with all rows that are there' : 'with the rows of later cuts'
  return [
    `sink ${name}, ${table} -> ${sinkTargets[type]}${target}`,
    ...(where === undefined ? [] : [`  where ${where}`]),
    afterCut === undefined
      ? `  begins ${first}: the lake knows nothing of it`
      : `  goes on behind cut ${afterCut}`,
  ]
}
