import { z } from 'zod'
import { columnContents } from '../../shared-transforms/extension/lake-extension.ts'
import type { Format } from '../../shared-transforms/formats/format.ts'
import { timeUnits } from '../../shared-transforms/formats/mapping.ts'
import { rejectReasons } from '../../shared-transforms/reject-reason.ts'
import type { PrimitiveType } from '../../tables/spec/schema.ts'

const text = z.string().min(1)
const version = z.int().min(1).max(1_000_000)
const texts = z.record(z.string(), text)

const kind = z.strictObject({
  name: text,
  doc: text,
  columns: z
    .array(
      z.strictObject({
        name: text,
        holds: z.enum(columnContents),
        doc: text,
        isOptional: z.boolean().optional(),
      }),
    )
    .min(1),
  identity: z.enum(['id', 'time']),
  partition: z.enum(['day', 'month']).optional(),
  impossible: z.strictObject({ reason: z.enum(rejectReasons), sql: text }).optional(),
})

const declaredFormat = z.strictObject({
  name: text,
  version,
  kind: text,
  file: z.enum(['ndjson', 'csv']),
  columns: texts,
  constants: texts.optional(),
  time: z.strictObject({ unit: z.enum(timeUnits), zone: text.optional() }),
  header: z.array(text).min(1).optional(),
  delimiter: z.string().length(1).optional(),
})

/** A format with SQL of its own is taken as it is. */
const wholeFormat = z.custom<Format>(
  (value) => typeof value === 'object' && value !== null && 'decodeSql' in value,
)

const columnType = z.custom<PrimitiveType>(
  (value) =>
    typeof value === 'string' &&
    /^(boolean|int|long|double|string|timestamptz|decimal\(\d{1,2}, ?\d{1,2}\))$/.test(value),
  'must be a type: boolean, int, long, double, string, timestamptz, decimal(38, 8)',
)

const gold = z.strictObject({
  name: text,
  doc: text,
  kind: text,
  version: version.optional(),
  columns: z
    .array(
      z.strictObject({
        name: text,
        type: columnType,
        doc: text,
        isOptional: z.boolean().optional(),
        role: z.enum(['content', 'lineage']).optional(),
        partial: text.optional(),
        merge: text.optional(),
        quotient: z.tuple([text, text]).optional(),
      }),
    )
    .min(1),
})

const view = z.strictObject({
  name: text.regex(/^gold\.[a-z][a-z0-9_]*$/, 'must be gold.<name>'),
  doc: text,
  columns: z.array(z.unknown()),
  sql: z.strictObject({ trino: text, duckdb: text }),
})

/** What a file exports as `extension`: see `LakeExtension`. Unknown keys are errors. */
export const extensionSchema = z.strictObject({
  name: text,
  kinds: z.array(kind).optional(),
  formats: z.array(z.union([wholeFormat, declaredFormat])).optional(),
  gold: z.array(gold).optional(),
  views: z.array(view).optional(),
})
