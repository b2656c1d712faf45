import { Option, type Command } from 'commander'
import { loadConfig } from '../../config/load-config.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { readFileMessages } from '../../producers/file-messages.ts'
import { openKafkaProducer, type KafkaProducer } from '../../producers/kafka-producer.ts'
import { runSimulator } from '../../producers/run-simulator.ts'
import { createSimulator } from '../../producers/simulator.ts'
import type { KafkaConnection } from '../../sources/kafka-client.ts'
import { connectionOf } from '../../sources/kafka-security.ts'
import { readArchiveParts } from '../../sources/archive-parts.ts'
import { listFiles } from '../../sources/list-files.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { createLogger } from '../create-logger.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { durationOption } from '../parse-duration.ts'

interface ProduceOptions extends LakeOptions {
  readonly topic: string
  readonly brokers?: string
  readonly config?: string
  readonly format?: string
  readonly rate: number
  readonly seed: number
  readonly duration?: number
}

export function addProduceCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('produce')
    .description("the simulator's messages, or the lines of files, to a Kafka topic")
    .argument('[files...]', 'files of lines, plain, .gz or .zip; without one the simulator sends')
    .requiredOption('--topic <name>', 'the topic, which must exist')
    .option('--brokers <list>', "host:port, with commas between (the config's, or localhost:9092)")
    .option('--config <file>', 'the config of `sluice live`: brokers, TLS and SASL')
    .addOption(new Option('--format <format>', 'how the bytes of the files are written'))
    .option('--rate <events>', "the simulator's events a second", countFrom(1, 1_000_000), 200)
    .option('--seed <n>', 'seed of the simulator', countFrom(0), 1)
    .option('--duration <time>', 'end the simulator by itself, as in 20s or 5m', durationOption)
  addLakeOptions(command, context).action(
    async (files: readonly string[], options: ProduceOptions) => {
      const { topic } = options
      checkCall(files, options)
      requireFormat(context, options)
      const producer = await openKafkaProducer({
        connection: await connectionFor(context, options),
        topic,
        logger: createLogger(context.environment),
      })
      try {
        const signal = context.stopSignal()
        const sent =
          options.format === undefined
            ? await sendSimulated(context, producer, options, signal)
            : await sendFiles(producer, files, options.format, signal)
        if (options.json) printJson(context, { topic, sent })
        else printLine(context, `${formatCount(sent)} messages sent to ${topic}`)
      } finally {
        await producer.close()
      }
    },
  )
}

async function connectionFor(
  { environment, model }: CommandContext,
  { brokers, config }: ProduceOptions,
): Promise<KafkaConnection> {
  const clientId = 'sluice-produce'
  const named = brokers === undefined ? {} : { brokers: brokers.split(',') }
  if (config === undefined) return { brokers: ['localhost:9092'], ...named, clientId }
  const { kafka } = await loadConfig(config, model.current)
  return { ...connectionOf(kafka, environment.kafkaPassword), ...named, clientId }
}

function checkCall(files: readonly string[], { format }: ProduceOptions): void {
  if (files.length > 0 === (format !== undefined)) return
  throw new SluiceError(
    'invalid-input',
    'Files and --format go together. Nothing was sent. Give both to send files, or neither to ' +
      'send what the simulator makes.',
  )
}

function requireFormat({ model }: CommandContext, { format }: ProduceOptions): void {
  if (format === undefined || model.current.formats.has(format)) return
  throw new SluiceError(
    'invalid-input',
    `There is no format "${format}". Nothing was sent. Formats: ` +
      `${[...model.current.formats.keys()].join(', ')}.`,
  )
}

async function sendSimulated(
  context: CommandContext,
  producer: KafkaProducer,
  options: ProduceOptions,
  signal: AbortSignal,
): Promise<number> {
  const { duration, rate, seed } = options
  const timeUp = duration === undefined ? [] : [AbortSignal.timeout(duration)]
  const simulator = createSimulator({ eventsPerSecond: rate, seed })
  let sent = 0
  await runSimulator(
    {
      simulator,
      clock: context.clock,
      send: async (messages) => {
        await producer.send(messages)
        sent += messages.length
      },
    },
    AbortSignal.any([signal, ...timeUp]),
  )
  return sent
}

async function sendFiles(
  producer: KafkaProducer,
  files: readonly string[],
  format: string,
  signal: AbortSignal,
): Promise<number> {
  let sent = 0
  for (const part of await readArchiveParts(await listFiles(files))) {
    for await (const messages of readFileMessages(part, format)) {
      if (signal.aborted) return sent
      await producer.send(messages)
      sent += messages.length
    }
  }
  return sent
}
