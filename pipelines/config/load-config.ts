import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import { z } from 'zod'
import { builtInModel, type LakeModel } from '../../shared-transforms/lake-model.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { LadderRules } from '../../tables/maintain/ladder.ts'
import type { LakeFormatVersion } from '../lake/create-lake-tables.ts'
import type { LakeStores } from '../lake/lake-stores.ts'
import type { LakeCatalog } from '../lake/open-lake-catalog.ts'
import type { CatalogSettings } from '../lake/serve-catalog.ts'
import type { KafkaTopic } from '../sources/kafka-positions.ts'
import type { KafkaSettings } from '../sources/kafka-security.ts'
import type { SinkSettings } from '../sinks/sink-settings.ts'
import type { BatchLimits } from '../sources/source.ts'
import type { ColumnMapping } from '../sources/column-mapping.ts'
import { loadExtensions } from './load-extensions.ts'
import type { WrittenConfig, WrittenFilesConfig } from './config-schema.ts'
import { createConfigSchema, createFilesConfigSchema } from './config-schema.ts'
import type { WrittenSink } from './sink-schema.ts'
import { nearName } from './near-name.ts'

/** A config in the words of the code; every default is filled in. */
export interface Config {
  /** The kinds, formats and tables of its lake. */
  readonly model: LakeModel
  /** The lake's folder; a relative one is taken from the config file's folder. */
  readonly lakeDirectory: string
  /** Of tables that are made now; those that are there keep theirs. */
  readonly tableFormatVersion: LakeFormatVersion
  readonly catalog: CatalogSettings
  /** The REST catalog that keeps the lake's tables; undefined: the lake's own. */
  readonly lakeCatalog: LakeCatalog | undefined
  /** Where the tables lie; the same for every process that opens the lake. */
  readonly stores: LakeStores
  readonly kafka: KafkaSettings & { readonly groupId: string }
  readonly sources: readonly KafkaTopic[]
  /** Where rows go beside the tables; none by default. */
  readonly sinks: readonly SinkSettings[]
  /** Whether to wait while another process writes to the lake. */
  readonly isStandby: boolean
  readonly limits: BatchLimits
  /** Messages a second, undefined for no limit. */
  readonly rateLimit: number | undefined
  /** Undefined: metrics are not served. */
  readonly metricsPort: number | undefined
  readonly allowedLatenessMs: number
  readonly idleAfterMs: number
  readonly dedupeMemoryRows: number
  readonly retention: LadderRules
  /** Messages older than this leave bronze, looked at as a cron schedule says (UTC). */
  readonly bronzeRetention?: { readonly ageMs: number; readonly schedule: string }
  readonly instruments: readonly {
    readonly venue: string
    readonly venue_symbol: string
    readonly instrument_id: string
  }[]
  readonly maxQueryDurationMs: number
  /** How columns of files become columns of silver, by name. */
  readonly mappings: Readonly<Record<string, ColumnMapping>>
}

/** What work with files takes from a config; topics may be missing in it. */
export type FilesConfig = Omit<Config, 'kafka' | 'sources'>

type Path = readonly PropertyKey[]

/**
 * Reads a config file. Throws invalid-input with every mistake, each with its line and path, and
 * for an unknown key the known one that is near to it.
 */
export async function loadConfig(path: string, model: LakeModel = builtInModel): Promise<Config> {
  const text = await readConfig(path)
  return parseConfig(text, path, await extendedModel(text, path, model))
}

/** As `loadConfig`, for work with files. */
export async function loadFilesConfig(
  path: string,
  given: LakeModel = builtInModel,
): Promise<FilesConfig> {
  const text = await readConfig(path)
  const model = await extendedModel(text, path, given)
  return filesConfigOf(parseWith(createFilesConfigSchema(model), text, path), dirname(path), model)
}

/** What the schema knows hangs on the extensions that the text names, so they are read first. */
async function extendedModel(text: string, path: string, model: LakeModel): Promise<LakeModel> {
  const document = parseDocument(text, { prettyErrors: false })
  const written: unknown = document.errors.length > 0 ? undefined : document.toJS()
  const named = extensionsSchema.safeParse(written)
  return named.success ? loadExtensions(named.data.extensions, dirname(path), model) : model
}

const extensionsSchema = z.object({ extensions: z.array(z.string().min(1)).default([]) })

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new SluiceError(
      'invalid-input',
      `The config ${path} cannot be read. Nothing was started. Give the path of a YAML file; ` +
        'examples/sluice.yaml is one to begin with.',
      { cause, context: { path } },
    )
  }
}

/**
 * The same for a text; `path` is shown, and relative folders are taken from where it lies. Its
 * extensions are those of the model.
 */
export function parseConfig(text: string, path: string, model: LakeModel = builtInModel): Config {
  const written = parseWith(createConfigSchema(model), text, path)
  const folder = dirname(path)
  const { sources } = written
  return {
    ...filesConfigOf(written, folder, model),
    kafka: kafkaOf(written.kafka, folder),
    sources,
  }
}

/** The text as the schema reads it; throws invalid-input as `loadConfig`. */
function parseWith<T>(schema: z.ZodType<T>, text: string, path: string): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [broken] = document.errors
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0])
    throw wrongConfig(path, [`line ${line}: ${broken.message}`])
  }
  const written = schema.safeParse(document.toJS() ?? {})
  if (written.success) return written.data
  const problems = written.error.issues.flatMap((issue) =>
    problemsOf(issue, schema, document, lines),
  )
  throw wrongConfig(path, problems)
}

function wrongConfig(path: string, problems: readonly string[]): SluiceError {
  const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`
  return new SluiceError(
    'invalid-input',
    `The config ${path} has ${count}, nothing was started:\n` +
      problems.map((problem) => `  ${problem}`).join('\n') +
      '\nCorrect it and start again; examples/sluice.yaml shows every key.',
    { context: { path } },
  )
}

function problemsOf(
  issue: z.core.$ZodIssue,
  whole: z.ZodType,
  document: Document,
  lines: LineCounter,
): string[] {
  if (issue.code !== 'unrecognized_keys') {
    const line = lineOf(issue.path, document, lines)
    return [`line ${line}: ${pathText(issue.path)} ${sentence(issue)}`]
  }
  return issue.keys.map((key) => {
    const path = [...issue.path, key]
    const near = nearName(key, knownKeys(whole, issue.path))
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    return `line ${lineOf(path, document, lines)}: ${pathText(path)} is no known key${hint}`
  })
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) {
    return `is missing (${issue.expected})`
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    return `must be one of ${values.join(', ')}`
  }
  return issue.message
}

/** `sources[0].topic`; `config` for the file as a whole. */
function pathText(path: Path): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return text.join('').replace(/^\./, '') || 'config'
}

/** The line of the key where there is one, else of what should hold it. */
function lineOf(path: Path, document: Document, lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const start = offsetOf(document, path.slice(0, depth))
    if (start !== undefined) return lines.linePos(start).line
  }
  return 1
}

function offsetOf(document: Document, path: Path): number | undefined {
  const last = path.at(-1)
  const parent = document.getIn(path.slice(0, -1), true)
  const holder = path.length === 1 ? document.contents : parent
  if (isMap(holder)) {
    const pair = holder.items.find(({ key }) => isScalar(key) && key.value === last)
    return (pair?.key as Node | undefined)?.range?.[0]
  }
  const node = document.getIn(path, true)
  return isNodeWithRange(node) ? node.range[0] : undefined
}

function isNodeWithRange(node: unknown): node is { readonly range: readonly [number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}

/** The keys that the schema knows at a path. */
function knownKeys(whole: z.ZodType, path: Path): string[] {
  let schema: unknown = whole
  for (const step of path) {
    schema = unwrapped(schema)
    if (schema instanceof z.ZodObject) schema = (schema.shape as z.ZodRawShape)[String(step)]
    else if (schema instanceof z.ZodArray) schema = schema.element
  }
  schema = unwrapped(schema)
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodPipe) return unwrapped(schema.out)
  const isWrapped = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
  return isWrapped ? unwrapped(schema.unwrap()) : schema
}

function filesConfigOf(
  written: Omit<WrittenFilesConfig, 'kafka' | 'sources'>,
  folder: string,
  model: LakeModel,
): FilesConfig {
  const { retention, trigger } = written
  return {
    model,
    lakeDirectory: resolve(folder, written.lake),
    tableFormatVersion: written.table_format_version,
    catalog: catalogOf(written.catalog, folder),
    lakeCatalog: lakeCatalogOf(written.rest_catalog),
    stores: storesOf(written, folder),
    sinks: written.sinks.map((sink) => sinkOf(sink, folder)),
    isStandby: written.standby,
    limits: { timeMs: trigger.time_ms, rows: trigger.rows, bytes: trigger.bytes },
    rateLimit: written.rate_limit,
    metricsPort: written.metrics_port,
    allowedLatenessMs: written.allowed_lateness_ms,
    idleAfterMs: written.idle_after_ms,
    dedupeMemoryRows: written.dedupe_memory,
    retention: {
      cutCount: retention.cuts,
      minuteCount: retention.minutes,
      hourCount: retention.hours,
      dayCount: retention.days,
      snapshotCountMax: retention.snapshots_max,
    },
    ...(retention.bronze_days === undefined
      ? {}
      : {
          bronzeRetention: {
            ageMs: retention.bronze_days * 86_400_000,
            schedule: retention.bronze_schedule,
          },
        }),
    instruments: Object.entries(written.instruments).map(([key, id]) => {
      const colon = key.indexOf(':')
      return { venue: key.slice(0, colon), venue_symbol: key.slice(colon + 1), instrument_id: id }
    }),
    maxQueryDurationMs: written.max_query_duration_ms,
    mappings: written.mappings,
  }
}

function sinkOf({ where, ...sink }: WrittenSink, folder: string): SinkSettings {
  const chosen = where === undefined ? {} : { where }
  if (sink.type !== 'parquet') return { ...sink, ...chosen }
  return { ...sink, ...chosen, folder: resolve(folder, sink.folder) }
}

function kafkaOf(written: WrittenConfig['kafka'], folder: string): Config['kafka'] {
  const { brokers, client_id: clientId, group_id: groupId, tls, sasl } = written
  return {
    ...{ brokers, clientId, groupId },
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined ? {} : { tls: tlsOf(tls, folder) }),
  }
}

function tlsOf(
  written: NonNullable<WrittenConfig['kafka']['tls']>,
  folder: string,
): NonNullable<KafkaSettings['tls']> {
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(folder, path))
  return {
    caPath: at(written.ca_file),
    certPath: at(written.cert_file),
    keyPath: at(written.key_file),
    serverName: written.server_name,
  }
}

function lakeCatalogOf(written: WrittenConfig['rest_catalog']): LakeCatalog | undefined {
  if (written === undefined) return undefined
  return {
    uri: written.uri,
    warehouse: written.warehouse,
    atomicTransactions: written.atomic_transactions,
    oauthScope: written.oauth_scope,
    oauthTokenUri: written.oauth_token_uri,
  }
}

function namedPlaces(
  written: NonNullable<WrittenConfig['warehouses']>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(written)
  return Object.fromEntries(entries.flatMap(([name, at]) => (at === undefined ? [] : [[name, at]])))
}

function storesOf(
  written: Omit<WrittenFilesConfig, 'kafka' | 'sources'>,
  folder: string,
): LakeStores {
  const { s3, hdfs, file_cache: cache } = written
  return {
    ...(written.warehouse === undefined ? {} : { warehouse: written.warehouse }),
    ...(written.warehouses === undefined ? {} : { warehouses: namedPlaces(written.warehouses) }),
    ...(s3 === undefined
      ? {}
      : {
          s3: {
            ...{ endpoint: s3.endpoint, region: s3.region, isPathStyle: s3.path_style },
            caFile: s3.ca_file === undefined ? undefined : resolve(folder, s3.ca_file),
          },
        }),
    ...(hdfs === undefined
      ? {}
      : {
          hdfs: {
            nameNodes: hdfs.namenodes,
            user: hdfs.user,
            dataNodeHosts: hdfs.datanode_hosts,
          },
        }),
    ...(cache === undefined
      ? {}
      : {
          fileCache: {
            folder: cache.folder === undefined ? undefined : resolve(folder, cache.folder),
            bytesMax: cache.bytes,
          },
        }),
  }
}

function catalogOf(written: WrittenConfig['catalog'], folder: string): CatalogSettings {
  const { host, port, tls, allow_plaintext: allowPlaintext } = written
  return {
    host,
    port,
    allowPlaintext,
    requestsPerSecondMax: written.requests_per_second,
    bodyBytesMax: written.body_bytes,
    ...(tls === undefined
      ? {}
      : { tls: { certPath: resolve(folder, tls.cert), keyPath: resolve(folder, tls.key) } }),
  }
}
