import { z } from 'zod'

import { SluiceError } from '../errors.ts'
import { normalizePrimitiveType } from '../spec/primitive-type.ts'
import type { PrimitiveType } from '../spec/schema.ts'

/**
 * The parts that requests share, as zod checks them. Bodies were read by `parseJson`, so a long is
 * a bigint where it is large and a number where it is not. Members that newer clients add to
 * schemas, specs and snapshots are kept as they came.
 */

/** A snapshot id: always a bigint inside. */
export const snapshotId = z.union([z.bigint(), z.int()]).transform(BigInt)

/** Writers say "no parent" by leaving it out, by null or by -1. */
const optionalSnapshotId = snapshotId.nullish().transform((id) => {
  return id === null || id === -1n ? undefined : id
})

export const properties = z.record(z.string(), z.string())

export const namespace = z.array(z.string())

export const identifier = z.object({ namespace, name: z.string() })

export const renameBody = z.object({ source: identifier, destination: identifier })

/** Some clients write null for what they leave out; the spec's readers do not know it. */
export function withoutNulls<T extends object>(members: T): T {
  const kept = Object.entries(members).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(kept) as T
}

export const icebergType: z.ZodType = z.lazy(() =>
  z.union([
    z.string().transform((type) => normalizePrimitiveType(type as PrimitiveType)),
    z.looseObject({ type: z.literal('struct'), fields: z.array(schemaField) }),
    z.looseObject({
      type: z.literal('list'),
      'element-id': z.int(),
      'element-required': z.boolean(),
      element: icebergType,
    }),
    z.looseObject({
      type: z.literal('map'),
      'key-id': z.int(),
      key: icebergType,
      'value-id': z.int(),
      'value-required': z.boolean(),
      value: icebergType,
    }),
  ]),
)

export const schemaField = z
  .looseObject({
    id: z.int(),
    name: z.string().min(1),
    required: z.boolean(),
    type: icebergType,
    doc: z.string().nullish(),
  })
  .transform(withoutNulls)

export const schema = z
  .looseObject({
    type: z.literal('struct').default('struct'),
    'schema-id': z.int().nullish(),
    fields: z.array(schemaField),
    'identifier-field-ids': z.array(z.int()).nullish(),
  })
  .transform(({ 'schema-id': id, ...rest }) => withoutNulls({ ...rest, 'schema-id': id ?? 0 }))

export const transform = z
  .string()
  .regex(
    /^(identity|year|month|day|hour|void|(bucket|truncate)\[[1-9]\d*\])$/,
    'no known transform',
  )

export const partitionSpec = z
  .looseObject({
    'spec-id': z.int().nullish(),
    fields: z.array(
      z
        .looseObject({
          'source-id': z.int(),
          'field-id': z.int().nullish(),
          name: z.string().min(1),
          transform,
        })
        .transform(withoutNulls),
    ),
  })
  .transform(({ 'spec-id': id, ...rest }) => ({ ...rest, 'spec-id': id ?? 0 }))

export const sortOrder = z
  .looseObject({
    'order-id': z.int().nullish(),
    fields: z.array(
      z.looseObject({
        transform,
        'source-id': z.int(),
        direction: z.enum(['asc', 'desc']),
        'null-order': z.enum(['nulls-first', 'nulls-last']),
      }),
    ),
  })
  .transform(({ 'order-id': id, ...rest }) => ({ ...rest, 'order-id': id ?? 0 }))

export const snapshot = z
  .looseObject({
    'snapshot-id': snapshotId,
    'parent-snapshot-id': optionalSnapshotId,
    'sequence-number': z.int().nonnegative().default(0),
    'timestamp-ms': z.int(),
    'manifest-list': z.string().min(1),
    summary: z
      .object({ operation: z.enum(['append', 'replace', 'overwrite', 'delete']) })
      .catchall(z.string()),
    'schema-id': z.int().nullish(),
  })
  .transform(withoutNulls)

export const statisticsFile = z.looseObject({
  'snapshot-id': snapshotId,
  'statistics-path': z.string().min(1),
  'file-size-in-bytes': z.int().nonnegative(),
  'blob-metadata': z.array(z.looseObject({ 'snapshot-id': snapshotId })).optional(),
})

/** The reason of a request that cannot be read, beside one that asks for what cannot be. */
export const MALFORMED = 'malformed'

/**
 * Checks a request's body. Throws `invalid-input` that names the place and what is wrong there.
 */
export function checkBody<T>(shape: z.ZodType<T>, body: unknown): T {
  const result = shape.safeParse(body)
  if (result.success) return result.data
  const faults = result.error.issues.slice(0, 5).map(describeIssue)
  throw new SluiceError(
    'invalid-input',
    `The request's body is wrong: ${faults.join('; ')}. Nothing was changed; correct the request.`,
    { context: { reason: MALFORMED } },
  )
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const place = issue.path.length === 0 ? 'body' : issue.path.map(String).join('.')
  const isUnknownKind = issue.code === 'invalid_union' && issue.discriminator !== undefined
  return `${place}: ${isUnknownKind ? `unknown ${issue.discriminator}` : issue.message}`
}
