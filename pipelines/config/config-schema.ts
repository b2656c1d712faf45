import { z } from 'zod'
import { atomicTransactionsModes } from '../../tables/catalog/atomic-transactions.ts'
import { defaultRestLimits } from '../../tables/catalog/rest-server-limits.ts'
import { builtInModel, type LakeModel } from '../../shared-transforms/lake-model.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { defaultLadder } from '../../tables/maintain/ladder.ts'
import { loopDefaults } from '../loop/loop-context.ts'
import { isCronText } from './cron-text.ts'
import { mappingSchema } from './mapping-schema.ts'
import { createSinkSchema } from './sink-schema.ts'
import { saslMechanisms } from '../sources/kafka-security.ts'
import { readStart } from './start-policy.ts'

const DAY_MS = 86_400_000
/** Tables of extensions lie in these too. */
const namespaceNames = [
  ...new Set(builtInModel.tables.flatMap(({ name }) => tableId(name).namespace)),
]

/** Every default of a config, in one place. */
export const configDefaults = {
  lake: './lake',
  table_format_version: 2,
  catalog: {
    host: '127.0.0.1',
    port: 8181,
    allow_plaintext: false,
    requests_per_second: defaultRestLimits.requestsPerSecondMax,
    body_bytes: defaultRestLimits.bodyBytesMax,
  },
  rest_catalog: { atomic_transactions: 'marked' },
  file_cache: { bytes: 10 * 1024 ** 3 },
  kafka: { client_id: 'sluice', group_id: 'sluice' },
  start: 'earliest',
  standby: false,
  trigger: { time_ms: 1000, rows: 200_000, bytes: 64 * 1024 * 1024 },
  allowed_lateness_ms: loopDefaults.allowedLatenessMs,
  idle_after_ms: loopDefaults.idleAfterMs,
  dedupe_memory: loopDefaults.dedupeMemoryRows,
  retention: {
    cuts: defaultLadder.cutCount,
    minutes: defaultLadder.minuteCount,
    hours: defaultLadder.hourCount,
    days: defaultLadder.dayCount,
    snapshots_max: defaultLadder.snapshotCountMax,
    bronze_schedule: '17 3 * * *',
  },
  max_query_duration_ms: 3_600_000,
} as const

const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)
const defaults = configDefaults

/** `host:port`; an IPv6 address stands in brackets. */
const broker = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'must be host:port')
/** What Kafka takes as the name of a topic. */
const topicName = z
  .string()
  .max(249)
  .regex(/^[a-zA-Z0-9._-]+$/, 'must be a topic name: letters, digits, dot, underscore, hyphen')

const catalog = z.strictObject({
  host: z.string().min(1).default(defaults.catalog.host),
  port: whole(1, 65_535).default(defaults.catalog.port),
  /** PEM files, taken from the config's folder. Clients then call https. */
  tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
  /** Another host than this machine's own without TLS: behind a proxy that encrypts. */
  allow_plaintext: z.boolean().default(defaults.catalog.allow_plaintext),
  /** Of one address; more are answered 429. */
  requests_per_second: whole(1, 1_000_000).default(defaults.catalog.requests_per_second),
  /** The largest request that is read. */
  body_bytes: whole(1024, 1024 ** 3).default(defaults.catalog.body_bytes),
})

/** Another REST catalog that keeps the lake's tables. Its secrets come from the environment. */
const restCatalog = z.strictObject({
  uri: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }),
  warehouse: z.string().min(1).optional(),
  /** Whether its transactions over several tables are taken for atomic. */
  atomic_transactions: z
    .enum(atomicTransactionsModes)
    .default(defaults.rest_catalog.atomic_transactions),
  oauth_scope: z.string().min(1).optional(),
  oauth_token_uri: z.url({ protocol: /^https?$/, error: 'must be an http address' }).optional(),
})

/** A folder's location in a store. */
const place = z
  .string()
  .regex(/^(file|s3|hdfs):\/\/[^?#]+$/, 'must be a location: file:///…, s3://… or hdfs://…')

const warehouses = z.strictObject(
  Object.fromEntries(namespaceNames.map((name) => [name, place.optional()])),
)

/** An S3 store; what is absent is as the SDK's own chain of settings says. */
const s3 = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).optional(),
  region: z.string().min(1).optional(),
  /** `host/bucket/key` instead of `bucket.host/key`. */
  path_style: z.boolean().optional(),
  /** PEM of an authority to trust for https; its path is taken from the config's folder. */
  ca_file: z.string().min(1).optional(),
})

const hdfs = z.strictObject({
  /** WebHDFS addresses of the NameNodes: two and more are taken for high availability. */
  namenodes: z
    .array(z.url({ protocol: /^https?$/, error: 'must be an http or https address' }))
    .min(1, 'needs at least one NameNode'),
  user: z.string().min(1).optional(),
  /** Names or `host:port` of DataNodes as they say it, to `host` or `host:port` from here. */
  datanode_hosts: z.record(z.string().min(1), z.string().min(1)).optional(),
})

/** Copies of files of other stores, for the engine. */
const fileCache = z.strictObject({
  folder: z.string().min(1).optional(),
  bytes: whole(1024 ** 2, Number.MAX_SAFE_INTEGER).default(defaults.file_cache.bytes),
})

/** Paths are taken from the config's folder. */
const kafkaTls = z
  .strictObject({
    ca_file: z.string().min(1).optional(),
    cert_file: z.string().min(1).optional(),
    key_file: z.string().min(1).optional(),
    /** What the brokers' certificate is for, where it is not the name in `brokers`. */
    server_name: z.string().min(1).optional(),
  })
  .refine((tls) => (tls.cert_file === undefined) === (tls.key_file === undefined), {
    error: 'needs cert_file and key_file together',
  })

const kafka = z.strictObject({
  /** One or more of the cluster's brokers. */
  brokers: z.array(broker).min(1, 'needs at least one broker'),
  client_id: z.string().min(1).default(defaults.kafka.client_id),
  /** Membership and lag tools; positions come from the lake. */
  group_id: z.string().min(1).default(defaults.kafka.group_id),
  /** `true` is TLS with the authorities that Node trusts. */
  tls: z.preprocess(tlsOfFlag, kafkaTls.optional()),
  /** The password is SLUICE_KAFKA_PASSWORD in the environment. */
  sasl: z
    .strictObject({ mechanism: z.enum(saslMechanisms), username: z.string().min(1) })
    .optional(),
})

const sourceOf = ({ formats }: LakeModel) =>
  z.strictObject({
    topic: topicName,
    format: z.enum([...formats.keys()] as [string, ...string[]]),
    /** Used only where the lake has no position of the topic. */
    start: z.unknown().default(defaults.start).transform(readStart),
  })

const trigger = z.strictObject({
  /** A batch is committed so long after its first message, */
  time_ms: whole(10, 3_600_000).default(defaults.trigger.time_ms),
  /** or with so many messages, */
  rows: whole(1, 10_000_000).default(defaults.trigger.rows),
  /** or with so many bytes, whichever comes first. */
  bytes: whole(1024, 1024 ** 3).default(defaults.trigger.bytes),
})

/** Which cuts stay readable: all of the newest, then one a minute, an hour, a day; and bronze. */
const retention = z.strictObject({
  cuts: whole(2, 10_000).default(defaults.retention.cuts),
  minutes: whole(0, 10_000).default(defaults.retention.minutes),
  hours: whole(0, 10_000).default(defaults.retention.hours),
  days: whole(0, 10_000).default(defaults.retention.days),
  /** Snapshots of a table at most. */
  snapshots_max: whole(2, 10_000).default(defaults.retention.snapshots_max),
  /** Messages that came longer ago leave bronze once their days are sealed; absent: never. */
  bronze_days: whole(1, 36_500).optional(),
  /** When that is looked at: minute hour day month weekday, UTC. */
  bronze_schedule: z
    .string()
    .refine(isCronText, 'must be a cron schedule: minute hour day month weekday')
    .default(defaults.retention.bronze_schedule),
})

const shapeOf = <Kafka extends z.ZodType, Sources extends z.ZodType>(
  model: LakeModel,
  kafka: Kafka,
  sources: Sources,
) => ({
  lake: z.string().min(1).default(defaults.lake),
  /** Modules with kinds, formats and gold of one's own; paths are taken from the config's folder. */
  extensions: z.array(z.string().min(1)).default([]),
  /** Iceberg's, of tables that are made now: 3 has deletion vectors and row ids. */
  table_format_version: z.literal([2, 3]).default(defaults.table_format_version),
  catalog: catalog.default(defaults.catalog),
  rest_catalog: restCatalog.optional(),
  /** Where tables lie, each namespace a folder in it; absent: in the lake's folder. */
  warehouse: place.optional(),
  /** The same for single namespaces. */
  warehouses: warehouses.optional(),
  s3: s3.optional(),
  hdfs: hdfs.optional(),
  file_cache: fileCache.optional(),
  kafka,
  sources,
  /** Where rows go beside the tables, after each cut. */
  sinks: z.array(createSinkSchema(model)).default([]),
  /** Waits while another process writes to the lake, and takes over when that ends. */
  standby: z.boolean().default(defaults.standby),
  trigger: trigger.default(defaults.trigger),
  /** Where `live` serves its figures for Prometheus; nowhere where absent. */
  metrics_port: whole(0, 65_535).optional(),
  /** Messages a second over all topics; no limit where absent. */
  rate_limit: whole(1, 100_000_000).optional(),
  /** How far behind the newest event of its part an event may come and still be in order. */
  allowed_lateness_ms: whole(0, DAY_MS).default(defaults.allowed_lateness_ms),
  /** A part that is read to its end holds the watermark no longer than this. */
  idle_after_ms: whole(100, DAY_MS).default(defaults.idle_after_ms),
  /** Rows of each kind whose keys are held in memory; 0 = each is looked up. Never a result. */
  dedupe_memory: whole(0, 100_000_000).default(defaults.dedupe_memory),
  retention: retention.default(defaults.retention),
  /** `venue:venue_symbol` to the instrument id of ours. */
  instruments: z
    .record(z.string().regex(/^[^:]+:.+$/, 'must be venue:venue_symbol'), z.string().min(1))
    .default({}),
  /** Files that no snapshot needs are deleted so long after, for queries that still read them. */
  max_query_duration_ms: whole(0, 30 * DAY_MS).default(defaults.max_query_duration_ms),
  /** How columns of files become columns of silver, by the name that a backfill gives. */
  mappings: z
    .record(z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, . _ -'), mappingSchema)
    .default({}),
})

/** The config file as it is written; snake_case like the columns, unknown keys are errors. */
export function createConfigSchema(model: LakeModel) {
  const sources = z.array(sourceOf(model)).min(1, 'needs at least one topic')
  return z.strictObject(shapeOf(model, kafka, sources)).superRefine(checkTogether)
}

/** The same for work with files, which asks for no topic. */
export function createFilesConfigSchema(model: LakeModel) {
  const sources = z.array(sourceOf(model)).default([])
  return z.strictObject(shapeOf(model, kafka.optional(), sources)).superRefine(checkTogether)
}

interface TogetherConfig {
  readonly sources: readonly { readonly topic: string }[]
  readonly sinks: readonly { readonly name: string }[]
  readonly retention: z.output<typeof retention>
}

function checkTogether(config: TogetherConfig, context: z.core.$RefinementCtx): void {
  const seen = new Set<string>()
  for (const [index, { topic }] of config.sources.entries()) {
    if (seen.has(topic)) {
      context.addIssue({
        code: 'custom',
        path: ['sources', index, 'topic'],
        message: `names "${topic}" a second time`,
      })
    }
    seen.add(topic)
  }
  const names = config.sinks.map(({ name }) => name)
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue
    context.addIssue({
      code: 'custom',
      path: ['sinks', index, 'name'],
      message: `names "${name}" a second time`,
    })
  }
  const { cuts, minutes, hours, days, snapshots_max: most } = config.retention
  const asked = cuts + minutes + hours + days
  if (asked > most) {
    context.addIssue({
      code: 'custom',
      path: ['retention'],
      message: `keeps up to ${asked} snapshots, more than snapshots_max ${most}`,
    })
  }
}

function tlsOfFlag(tls: unknown): unknown {
  if (tls === true) return {}
  return tls === false ? undefined : tls
}

export type WrittenConfig = z.output<ReturnType<typeof createConfigSchema>>
export type WrittenFilesConfig = z.output<ReturnType<typeof createFilesConfigSchema>>
