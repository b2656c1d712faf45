import { readdirSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import type { BatchBuffer, PartSlot } from '../../../pipelines/sources/batch-buffer.ts'
import { createBatchBuffer } from '../../../pipelines/sources/batch-buffer.ts'
import { randomIds } from '../../../tables/clock.ts'
import { makeScratch, messagesOf, NEVER } from './kafka-rig.ts'

const scratch = makeScratch()
afterAll(() => scratch.remove())
const LIMITS = { rows: 10, bytes: 1_000_000, timeMs: 60_000 }

function bufferOf(): { buffer: BatchBuffer; slotOf: (name: string, format?: string) => PartSlot } {
  const buffer = createBatchBuffer({ scratchDir: scratch.path, ids: randomIds })
  const slotOf = (name: string, format = 'stock-json') =>
    buffer.addPart({
      format,
      part: { source: `log:${name}`, partition: 0 },
      startOffset: 0n,
      isAtEnd: () => false,
    })
  return { buffer, slotOf }
}

function add(slot: PartSlot, count: number, payload: Buffer | null = Buffer.from('x')): void {
  for (let index = 0; index < count; index += 1) {
    const offset = slot.position()
    slot.add({ offset: String(offset), receivedUs: '', key: null, headers: undefined, payload })
    slot.advance(offset + 1n)
  }
}

describe('the batch buffer', () => {
  it('has no room before the limits are known, and tells the reader when there is', async () => {
    const { buffer, slotOf } = bufferOf()
    const slot = slotOf('a')
    expect(buffer.hasRoom()).toBe(false)
    const room = buffer.waitForRoom()
    const taken = buffer.take(LIMITS, NEVER)
    expect(await room).toBe(true)
    add(slot, 10)
    expect(buffer.hasRoom()).toBe(false)
    expect((await taken)?.messageCount).toBe(10)
    expect(buffer.hasRoom()).toBe(true)
    buffer.close()
  })

  it('makes one segment a format, with its own part indexes', async () => {
    const { buffer, slotOf } = bufferOf()
    const [a, b, c] = [slotOf('a', 'f'), slotOf('b', 'g'), slotOf('c', 'f')]
    const taken = buffer.take({ ...LIMITS, rows: 4 }, NEVER)
    add(c, 1)
    add(b, 1)
    add(a, 1)
    add(c, 1, null)
    const batch = await taken
    const shape = batch?.segments.map(({ format, parts, bulkCount, side }) => [
      format,
      parts.map(({ source }) => source),
      bulkCount,
      side.map(({ partIndex }) => partIndex),
    ])
    expect(shape).toEqual([
      ['f', ['log:c', 'log:a'], 2, [0]],
      ['g', ['log:b'], 1, []],
    ])
    expect(batch === undefined ? [] : messagesOf(batch).map(({ part }) => part)).toEqual([
      'log:a#0',
      'log:b#0',
      'log:c#0',
      'log:c#0',
    ])
    expect(batch?.progress.map(({ messageCount }) => messageCount)).toEqual([1, 1, 2])
    buffer.close()
  })

  it('is full by bytes, too', async () => {
    const { buffer, slotOf } = bufferOf()
    const slot = slotOf('a')
    const taken = buffer.take({ ...LIMITS, bytes: 1000 }, NEVER)
    add(slot, 1, Buffer.alloc(2000, 0x61))
    const batch = await taken
    expect(batch?.messageCount).toBe(1)
    expect(batch?.sizeBytes).toBe(2050)
    buffer.close()
  })

  it('counts positions that moved without a message', async () => {
    const { buffer, slotOf } = bufferOf()
    const slot = slotOf('a')
    slot.advance(7n)
    const stop = new AbortController()
    stop.abort()
    const batch = await buffer.take(LIMITS, stop.signal)
    expect(batch?.progress[0]).toMatchObject({ startOffset: 0n, endOffset: 7n, messageCount: 0 })
    expect(batch?.segments).toEqual([])
    buffer.close()
  })

  it('tells a finished part once, then ends', async () => {
    const { buffer, slotOf } = bufferOf()
    const [first, second] = [slotOf('a'), slotOf('b')]
    const taken = buffer.take({ ...LIMITS, rows: 3 }, NEVER)
    add(first, 3)
    first.finish()
    expect((await taken)?.progress.map(({ isFinished }) => isFinished)).toEqual([true, false])
    second.finish()
    buffer.end()
    const last = await buffer.take(LIMITS, NEVER)
    expect(last?.progress.map(({ part }) => part.source)).toEqual(['log:b'])
    expect(await buffer.take(LIMITS, NEVER)).toBeUndefined()
    buffer.close()
  })

  it('throws what the reader failed with, to whoever waits', async () => {
    const { buffer } = bufferOf()
    const taken = buffer.take(LIMITS, NEVER)
    buffer.fail(new Error('torn'))
    await expect(taken).rejects.toThrow('torn')
    expect(await buffer.waitForRoom()).toBe(false)
    buffer.close()
  })

  it('leaves no file behind when it is closed, and takes nothing more', async () => {
    const { buffer, slotOf } = bufferOf()
    const before = readdirSync(scratch.path)
    const slot = slotOf('a')
    const taken = buffer.take({ ...LIMITS, rows: 1000 }, NEVER)
    add(slot, 5, Buffer.alloc(100_000, 0x61))
    expect(readdirSync(scratch.path).length).toBe(before.length + 1)
    buffer.close()
    expect(await taken).toBeUndefined()
    expect(buffer.hasRoom()).toBe(false)
    expect(readdirSync(scratch.path)).toEqual(before)
  })
})
