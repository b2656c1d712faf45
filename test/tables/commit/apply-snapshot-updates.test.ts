import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import { isAlreadyApplied, isAlreadyCreated } from '../../../tables/commit/already-applied.ts'
import type { StatisticsFile, TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'
import { append, sampleSnapshot, sampleTable } from './sample-table.ts'

const apply = (table: TableMetadata, ...updates: readonly TableUpdate[]): TableMetadata =>
  applyUpdates(table, updates, { nowMs: 9_000 })

/** A table with snapshots 1..count in a line, made at 2,000, 3,000, … ms. */
function history(count: number): TableMetadata {
  let table = sampleTable()
  for (let n = 1; n <= count; n += 1) {
    const parent = n === 1 ? {} : { parent: BigInt(n - 1) }
    table = apply(table, ...append(BigInt(n), { sequenceNumber: n, ...parent }))
  }
  return table
}

const logIds = (table: TableMetadata): readonly bigint[] =>
  table['snapshot-log'].map((entry) => entry['snapshot-id'])

describe('applyUpdates to snapshots and refs', () => {
  it('makes the snapshot that main is set to the current one, with an entry in the log', () => {
    const table = history(2)
    expect(table).toMatchObject({
      'current-snapshot-id': 2n,
      'last-sequence-number': 2,
      refs: { main: { 'snapshot-id': 2n, type: 'branch' } },
    })
    expect(table['snapshot-log']).toEqual([
      { 'snapshot-id': 1n, 'timestamp-ms': 2_000 },
      { 'snapshot-id': 2n, 'timestamp-ms': 3_000 },
    ])
  })

  it('leaves the current snapshot alone where only another ref moves', () => {
    const table = apply(
      history(2),
      { action: 'add-snapshot', snapshot: sampleSnapshot(3n, { sequenceNumber: 3, parent: 2n }) },
      { action: 'set-snapshot-ref', 'ref-name': 'audit', 'snapshot-id': 3n, type: 'branch' },
    )
    expect(table['current-snapshot-id']).toBe(2n)
    expect(logIds(table)).toEqual([1n, 2n])
    expect(table.refs['audit']).toEqual({ 'snapshot-id': 3n, type: 'branch' })
  })

  it('keeps what a ref says about its retention', () => {
    const retention = { 'min-snapshots-to-keep': 3, 'max-snapshot-age-ms': 4, 'max-ref-age-ms': 5 }
    const ref = { 'snapshot-id': 1n, type: 'branch', ...retention } as const
    const table = apply(history(1), { action: 'set-snapshot-ref', 'ref-name': 'b', ...ref })
    expect(table.refs['b']).toEqual(ref)
  })

  it('logs a rollback at the time of the rollback', () => {
    const table = apply(history(2), {
      action: 'set-snapshot-ref',
      'ref-name': 'main',
      'snapshot-id': 1n,
      type: 'branch',
    })
    expect(table['current-snapshot-id']).toBe(1n)
    expect(table['snapshot-log'].at(-1)).toEqual({ 'snapshot-id': 1n, 'timestamp-ms': 9_000 })
  })

  it('has no log entry for a snapshot that was current only inside one commit', () => {
    const table = apply(
      history(1),
      ...append(2n, { sequenceNumber: 2, parent: 1n }),
      ...append(3n, { sequenceNumber: 3, parent: 2n }),
    )
    expect(logIds(table)).toEqual([1n, 3n])
    expect(table.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([1n, 2n, 3n])
  })

  it('keeps the log in order of time where a writer has a slow clock', () => {
    const slow = append(3n, { sequenceNumber: 3, parent: 2n, timestampMs: 10 })
    const table = apply(history(2), ...slow)
    expect(table['snapshot-log'].at(-1)).toEqual({ 'snapshot-id': 3n, 'timestamp-ms': 3_000 })
  })

  it('takes a snapshot without a parent late, since it replaces the table', () => {
    const table = apply(history(3), ...append(9n, { sequenceNumber: 2 }))
    expect(table).toMatchObject({ 'current-snapshot-id': 9n, 'last-sequence-number': 3 })
  })

  it('has no current snapshot after main was removed', () => {
    const table = apply(history(1), { action: 'remove-snapshot-ref', 'ref-name': 'main' })
    expect(table.refs).toEqual({})
    expect('current-snapshot-id' in table).toBe(false)
  })

  it('removes snapshots with their statistics and the refs that named them', () => {
    const file = (id: bigint): StatisticsFile => ({
      'snapshot-id': id,
      'statistics-path': `s-${id}`,
      'file-size-in-bytes': 1,
    })
    const table = apply(
      history(3),
      { action: 'set-snapshot-ref', 'ref-name': 'eod', 'snapshot-id': 1n, type: 'tag' },
      ...[1n, 3n].flatMap((id): TableUpdate[] => [
        { action: 'set-statistics', statistics: file(id) },
        { action: 'set-partition-statistics', 'partition-statistics': file(id) },
      ]),
    )
    const left = apply(table, { action: 'remove-snapshots', 'snapshot-ids': [1n] })
    expect(left.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([2n, 3n])
    expect(Object.keys(left.refs)).toEqual(['main'])
    expect(left.statistics).toEqual([file(3n)])
    expect(left['partition-statistics']).toEqual([file(3n)])
  })

  it('has one statistics file a snapshot: a new one replaces the old one', () => {
    const file = { 'snapshot-id': 1n, 'statistics-path': 'old', 'file-size-in-bytes': 1 }
    const fresh = { ...file, 'statistics-path': 'new' }
    const table = apply(
      history(1),
      { action: 'set-statistics', statistics: file },
      { action: 'set-statistics', statistics: fresh },
    )
    expect(table.statistics).toEqual([fresh])
    expect(apply(table, { action: 'remove-statistics', 'snapshot-id': 1n }).statistics).toEqual([])
  })

  it('drops the log before a removed snapshot, so that time travel never lies', () => {
    // Were only 2 dropped, 1 would seem to have been current until 3 came.
    const table = apply(history(4), { action: 'remove-snapshots', 'snapshot-ids': [2n] })
    expect(table.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([1n, 3n, 4n])
    expect(logIds(table)).toEqual([3n, 4n])
  })

  it('leaves no current snapshot where the current one is removed', () => {
    const table = apply(history(2), { action: 'remove-snapshots', 'snapshot-ids': [2n] })
    expect('current-snapshot-id' in table).toBe(false)
    expect(table.refs).toEqual({})
    expect(table['snapshot-log']).toEqual([])
  })
})

describe('applyUpdates', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'append' as const }),
    fc.record({ kind: fc.constant('remove' as const), back: fc.nat({ max: 6 }) }),
    fc.record({ kind: fc.constant('rollback' as const), back: fc.nat({ max: 6 }) }),
    fc.record({ kind: fc.constant('tag' as const), back: fc.nat({ max: 6 }) }),
    fc.record({ kind: fc.constant('property' as const), value: fc.string() }),
  )

  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

  function updatesOf(table: TableMetadata, made: Step, id: bigint): readonly TableUpdate[] {
    if (made.kind === 'property') {
      return [{ action: 'set-properties', updates: { note: made.value } }]
    }
    if (made.kind === 'append') {
      const sequenceNumber = table['last-sequence-number'] + 1
      const parent = table['current-snapshot-id']
      return append(id, { sequenceNumber, ...(parent === undefined ? {} : { parent }) })
    }
    const target = table.snapshots.at(-1 - made.back)?.['snapshot-id']
    if (target === undefined) return []
    if (made.kind === 'remove') return [{ action: 'remove-snapshots', 'snapshot-ids': [target] }]
    const isTag = made.kind === 'tag'
    return [
      {
        action: 'set-snapshot-ref',
        'ref-name': isTag ? `t${target}` : 'main',
        'snapshot-id': target,
        type: isTag ? 'tag' : 'branch',
      },
    ]
  }

  function deepFreeze<T>(value: T): T {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
      Object.freeze(value)
      Object.values(value).forEach(deepFreeze)
    }
    return value
  }

  it('never changes what it was given, and what readers demand of a table always holds', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.nat({ max: 4_000 }), (steps, nowMs) => {
        let table = deepFreeze(sampleTable())
        let id = 0n
        for (const made of steps) {
          id += 1n
          const updates = deepFreeze(updatesOf(table, made, id))
          const next = deepFreeze(applyUpdates(table, updates, { nowMs }))
          expect(next['last-updated-ms']).toBeGreaterThanOrEqual(table['last-updated-ms'])
          table = next
          const ids = new Set(table.snapshots.map((snapshot) => snapshot['snapshot-id']))
          const times = table['snapshot-log'].map((entry) => entry['timestamp-ms'])
          expect(times).toEqual([...times].sort((a, b) => a - b))
          expect(table['last-updated-ms']).toBeGreaterThanOrEqual(times.at(-1) ?? 0)
          expect(table.refs['main']?.['snapshot-id']).toBe(table['current-snapshot-id'])
          expect(Object.values(table.refs).every((ref) => ids.has(ref['snapshot-id']))).toBe(true)
          expect(logIds(table).every((logged) => ids.has(logged))).toBe(true)
        }
      }),
    )
  })

  it('keeps snapshots that no update names as the same objects', () => {
    const before = history(3)
    const after = apply(before, ...append(4n, { sequenceNumber: 4, parent: 3n }))
    before.snapshots.forEach((snapshot, index) => expect(after.snapshots[index]).toBe(snapshot))
  })
})

describe('a commit that is sent again', () => {
  it("is known by its snapshot and that snapshot's own manifest list", () => {
    const updates = append(2n, { sequenceNumber: 2, parent: 1n })
    expect(isAlreadyApplied(history(1), updates)).toBe(false)
    expect(isAlreadyApplied(history(3), updates)).toBe(true)
    const other = { ...sampleSnapshot(2n, { sequenceNumber: 2 }), 'manifest-list': 'memory://x' }
    expect(isAlreadyApplied(history(3), [{ action: 'add-snapshot', snapshot: other }])).toBe(false)
    expect(isAlreadyApplied(history(3), [])).toBe(false)
  })

  it("is known by the table's uuid where it made the table", () => {
    const mine = { action: 'assign-uuid', uuid: sampleTable()['table-uuid'] } as const
    expect(isAlreadyCreated(sampleTable(), [mine])).toBe(true)
    expect(isAlreadyCreated(sampleTable(), [{ ...mine, uuid: 'other' }])).toBe(false)
    expect(isAlreadyCreated(sampleTable(), [])).toBe(false)
    expect(isAlreadyCreated(sampleTable(), [mine, ...append(1n, { sequenceNumber: 1 })])).toBe(
      false,
    )
  })
})
