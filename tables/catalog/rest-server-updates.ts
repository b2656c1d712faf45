import { z } from 'zod'

import type { TableUpdate } from '../spec/table-update.ts'
import type { TableCommit } from './catalog.ts'
import {
  checkBody,
  identifier,
  partitionSpec,
  properties,
  schema,
  snapshot,
  snapshotId,
  sortOrder,
  statisticsFile,
  withoutNulls,
} from './rest-server-schemas.ts'

/** Commits as clients send them. An update or a requirement that is not listed here is refused. */

/** What tables and views have in common. */
export const sharedUpdates = [
  z.object({ action: z.literal('assign-uuid'), uuid: z.string().min(1) }),
  z.object({ action: z.literal('upgrade-format-version'), 'format-version': z.int() }),
  z
    .object({
      action: z.literal('add-schema'),
      schema,
      'last-column-id': z.int().nullish(),
    })
    .transform(withoutNulls),
  z.object({ action: z.literal('set-location'), location: z.string().min(1) }),
  // `updated` and `removed` are the names that clients before version 1.0 of the protocol send.
  z
    .object({
      action: z.literal('set-properties'),
      updates: properties.optional(),
      updated: properties.optional(),
    })
    .transform(({ action, updates, updated }) => ({ action, updates: updates ?? updated ?? {} })),
  z
    .object({
      action: z.literal('remove-properties'),
      removals: z.array(z.string()).optional(),
      removed: z.array(z.string()).optional(),
    })
    .transform(({ action, removals, removed }) => ({
      action,
      removals: removals ?? removed ?? [],
    })),
] as const

const layoutUpdates = [
  z.object({ action: z.literal('set-current-schema'), 'schema-id': z.int() }),
  z.object({ action: z.literal('remove-schemas'), 'schema-ids': z.array(z.int()) }),
  z.object({ action: z.literal('add-spec'), spec: partitionSpec }),
  z.object({ action: z.literal('set-default-spec'), 'spec-id': z.int() }),
  z.object({ action: z.literal('remove-partition-specs'), 'spec-ids': z.array(z.int()) }),
  z.object({ action: z.literal('add-sort-order'), 'sort-order': sortOrder }),
  z.object({ action: z.literal('set-default-sort-order'), 'sort-order-id': z.int() }),
] as const

const snapshotUpdates = [
  z.object({ action: z.literal('add-snapshot'), snapshot }),
  z
    .object({
      action: z.literal('set-snapshot-ref'),
      'ref-name': z.string().min(1),
      'snapshot-id': snapshotId,
      type: z.enum(['branch', 'tag']),
      'min-snapshots-to-keep': z.int().nullish(),
      'max-snapshot-age-ms': z.int().nullish(),
      'max-ref-age-ms': z.int().nullish(),
    })
    .transform(withoutNulls),
  z.object({ action: z.literal('remove-snapshots'), 'snapshot-ids': z.array(snapshotId) }),
  z.object({ action: z.literal('remove-snapshot-ref'), 'ref-name': z.string().min(1) }),
  z.object({ action: z.literal('set-statistics'), statistics: statisticsFile }),
  z.object({ action: z.literal('remove-statistics'), 'snapshot-id': snapshotId }),
  z.object({
    action: z.literal('set-partition-statistics'),
    'partition-statistics': statisticsFile,
  }),
  z.object({ action: z.literal('remove-partition-statistics'), 'snapshot-id': snapshotId }),
  z.object({
    action: z.literal('add-encryption-key'),
    'encryption-key': z.looseObject({
      'key-id': z.string().min(1),
      'encrypted-key-metadata': z.string(),
    }),
  }),
  z.object({ action: z.literal('remove-encryption-key'), 'key-id': z.string().min(1) }),
] as const

const update = z.discriminatedUnion('action', [
  ...sharedUpdates,
  ...layoutUpdates,
  ...snapshotUpdates,
])

const requirement = z.discriminatedUnion('type', [
  z.object({ type: z.literal('assert-create') }),
  z.object({ type: z.literal('assert-table-uuid'), uuid: z.string() }),
  z.object({
    type: z.literal('assert-ref-snapshot-id'),
    ref: z.string(),
    'snapshot-id': snapshotId.nullish().transform((id) => id ?? null),
  }),
  z.object({
    type: z.literal('assert-last-assigned-field-id'),
    'last-assigned-field-id': z.int(),
  }),
  z.object({ type: z.literal('assert-current-schema-id'), 'current-schema-id': z.int() }),
  z.object({
    type: z.literal('assert-last-assigned-partition-id'),
    'last-assigned-partition-id': z.int(),
  }),
  z.object({ type: z.literal('assert-default-spec-id'), 'default-spec-id': z.int() }),
  z.object({
    type: z.literal('assert-default-sort-order-id'),
    'default-sort-order-id': z.int(),
  }),
])

/** The body of a commit to one table. */
export const commitTable = z.object({
  requirements: z.array(requirement).default([]),
  updates: z.array(update).default([]),
})

/** The body of a commit to several tables. */
export const commitTransaction = z.object({
  'table-changes': z.array(commitTable.extend({ identifier })),
})

/** The body of a commit to one table. The table is named by the path. */
export function readCommit(body: unknown): Omit<TableCommit, 'identifier'> {
  return typed(checkBody(commitTable, body))
}

/** The body of a commit to several tables. */
export function readTransaction(body: unknown): readonly TableCommit[] {
  const { 'table-changes': changes } = checkBody(commitTransaction, body)
  return changes.map((change) => ({ ...typed(change), identifier: change.identifier }))
}

/** What zod has checked is what the types say; only optional members are spelt differently. */
function typed(commit: z.infer<typeof commitTable>): Omit<TableCommit, 'identifier'> {
  return {
    requirements: commit.requirements,
    updates: commit.updates as unknown as readonly TableUpdate[],
  }
}
