import { describe, expect, it } from 'vitest'
import { createEndableSource } from '../../../pipelines/demo/endable-source.ts'
import { restingProgress, type MicroBatch, type Source } from '../../../pipelines/sources/source.ts'

const part = { source: 'listed', partition: 0 }
const batchOf = (messageCount: number, isAtEnd = true): MicroBatch => ({
  segments: [],
  progress: [{ ...restingProgress(part, 0n), isAtEnd }],
  messageCount,
  sizeBytes: 0,
})

/** A source that answers with batches of these sizes, and notes which it was given back. */
function listed(sizes: readonly number[]): Source & { readonly released: number[] } {
  const released: number[] = []
  const left = [...sizes]
  return {
    name: 'listed',
    released,
    open: async () => undefined,
    next: async () => batchOf(left.shift() ?? 0),
    release: async (batch) => void released.push(batch.messageCount),
    committed: async () => undefined,
    close: async () => undefined,
  }
}

const limits = { rows: 1, bytes: 1, timeMs: 1 }
const { signal } = new AbortController()

describe('a source that can be given an end', () => {
  it('goes on through empty batches until it is told', async () => {
    const source = createEndableSource(listed([0, 5, 0]))
    const counts = [await source.next(limits, signal), await source.next(limits, signal)]
    expect(counts.map((batch) => batch?.messageCount)).toEqual([0, 5])
  })

  it('still gives out what is there, then ends, and holds back no empty batch', async () => {
    const inner = listed([3, 2, 0])
    const source = createEndableSource(inner)
    source.endWhenRead()
    expect((await source.next(limits, signal))?.messageCount).toBe(3)
    expect((await source.next(limits, signal))?.messageCount).toBe(2)
    expect(await source.next(limits, signal)).toBeUndefined()
    expect(inner.released).toEqual([0])
  })

  it('does not take for the end a batch that is empty because reading is slow', async () => {
    const inner = listed([])
    const slow = [batchOf(0, false), batchOf(7), batchOf(0)]
    const source = createEndableSource({ ...inner, next: async () => slow.shift() })
    source.endWhenRead()
    expect((await source.next(limits, signal))?.messageCount).toBe(0)
    expect((await source.next(limits, signal))?.messageCount).toBe(7)
    expect(await source.next(limits, signal)).toBeUndefined()
  })

  it('does not take an empty batch for the end that was begun before the last message', async () => {
    const source = createEndableSource(listed([0, 4, 0]))
    const begunBefore = source.next(limits, signal)
    source.endWhenRead()
    expect((await begunBefore)?.messageCount).toBe(0)
    expect((await source.next(limits, signal))?.messageCount).toBe(4)
    expect(await source.next(limits, signal)).toBeUndefined()
  })
})
