import { describe, expect, it } from 'vitest'

import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import { checkRequirements } from '../../../tables/commit/requirements.ts'
import type { TableRequirement } from '../../../tables/spec/table-update.ts'
import { append, sampleTable } from './sample-table.ts'

const bigId = 8_333_217_777_777_777_777n

const table = applyUpdates(
  sampleTable(),
  [
    ...append(bigId, { sequenceNumber: 1 }),
    { action: 'set-snapshot-ref', 'ref-name': 'eod', 'snapshot-id': bigId, type: 'tag' },
  ],
  { nowMs: 5_000 },
)

describe('checkRequirements', () => {
  it('passes where all that is demanded holds', () => {
    const all: readonly TableRequirement[] = [
      { type: 'assert-table-uuid', uuid: table['table-uuid'].toUpperCase() },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': bigId },
      { type: 'assert-ref-snapshot-id', ref: 'audit', 'snapshot-id': null },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 3 },
      { type: 'assert-current-schema-id', 'current-schema-id': 0 },
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 999 },
      { type: 'assert-default-spec-id', 'default-spec-id': 0 },
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 0 },
    ]
    expect(() => checkRequirements(table, all)).not.toThrow()
    expect(() => checkRequirements(undefined, [{ type: 'assert-create' }])).not.toThrow()
  })

  const failing: readonly (readonly [TableRequirement, string])[] = [
    [{ type: 'assert-create' }, 'table already exists'],
    [
      { type: 'assert-table-uuid', uuid: 'x' },
      `UUID does not match: expected ${table['table-uuid']} != x`,
    ],
    [
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': bigId + 1n },
      `branch main has changed: expected id ${bigId + 1n} != ${bigId}`,
    ],
    [
      { type: 'assert-ref-snapshot-id', ref: 'eod', 'snapshot-id': 2n },
      `tag eod has changed: expected id 2 != ${bigId}`,
    ],
    [
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null },
      'branch main was created concurrently',
    ],
    [
      { type: 'assert-ref-snapshot-id', ref: 'audit', 'snapshot-id': 2n },
      'branch or tag audit is missing, expected 2',
    ],
    [
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 4 },
      'last assigned field id changed: expected id 4 != 3',
    ],
    [
      { type: 'assert-current-schema-id', 'current-schema-id': 1 },
      'current schema changed: expected id 1 != 0',
    ],
    [
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 1 },
      'last assigned partition id changed: expected id 1 != 999',
    ],
    [
      { type: 'assert-default-spec-id', 'default-spec-id': 1 },
      'default partition spec changed: expected id 1 != 0',
    ],
    [
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 1 },
      'default sort order changed: expected id 1 != 0',
    ],
  ]

  it.each(failing)('refuses %o with the words that clients look for', (requirement, words) => {
    const check = (): void => checkRequirements(table, [requirement])
    expect(check).toThrow(`Requirement failed: ${words}`)
    expect(check).toThrow(expect.objectContaining({ kind: 'commit-conflict' }))
  })

  it('refuses every demand but assert-create on a table that is not there', () => {
    expect(() => checkRequirements(undefined, [{ type: 'assert-table-uuid', uuid: 'x' }])).toThrow(
      /table does not exist/,
    )
  })

  it('refuses assert-create beside other demands, and demands that it does not know', () => {
    const uuid = { type: 'assert-table-uuid', uuid: 'x' } as const
    expect(() => checkRequirements(undefined, [{ type: 'assert-create' }, uuid])).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }),
    )
    expect(() => checkRequirements(table, [{ type: 'assert-view-uuid' } as never])).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }),
    )
  })
})
