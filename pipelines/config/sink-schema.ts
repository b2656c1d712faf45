import { z } from 'zod'
import type { LakeModel } from '../../shared-transforms/lake-model.ts'

const rowsOf = ({ tables }: LakeModel) => ({
  /** Of the sink's position in the lake: another name begins anew. */
  name: z
    .string()
    .max(100)
    .regex(/^[a-zA-Z0-9._-]+$/, 'must be letters, digits, dot, underscore, hyphen'),
  table: z.enum(tables.map(({ name }) => name) as [string, ...string[]]),
  /** An SQL condition on the table's columns. */
  where: z.string().min(1).optional(),
  /** Used only where the lake has no position of the sink. */
  start: z.enum(['earliest', 'latest']).default('latest'),
})

/** Where rows of a table go beside it, after each cut. */
export function createSinkSchema(model: LakeModel) {
  const rows = rowsOf(model)
  return z.discriminatedUnion('type', [
    z.strictObject({ ...rows, type: z.literal('console') }),
    z.strictObject({
      ...rows,
      type: z.literal('kafka'),
      topic: z
        .string()
        .max(249)
        .regex(
          /^[a-zA-Z0-9._-]+$/,
          'must be a topic name: letters, digits, dot, underscore, hyphen',
        ),
    }),
    z.strictObject({ ...rows, type: z.literal('parquet'), folder: z.string().min(1) }),
  ])
}

export type WrittenSink = z.output<ReturnType<typeof createSinkSchema>>
