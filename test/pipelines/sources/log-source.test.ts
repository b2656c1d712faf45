import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LocalLog } from '../../../pipelines/producers/local-log.ts'
import { openLocalLog } from '../../../pipelines/producers/local-log.ts'
import { createLogSource } from '../../../pipelines/sources/log-source.ts'
import { randomIds } from '../../../tables/clock.ts'
import { makeScratch, messagesOf, NEVER, readMessages } from './kafka-rig.ts'

const LIMITS = { rows: 100, bytes: 1_000_000, timeMs: 20 }
let directory: string
let scratch: ReturnType<typeof makeScratch>
let log: LocalLog
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  scratch = makeScratch()
  log = await openLocalLog({ directory, name: 'demo', segmentBytes: 400 })
})
afterEach(async () => {
  await log.close()
  scratch.remove()
  rmSync(directory, { recursive: true, force: true })
})

const records = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    key: Buffer.from('AAPL'),
    payload: Buffer.from(`m${from + index}`),
    receivedUs: 1_700_000_000_000_000n + BigInt(from + index),
  }))
const sourceOf = () =>
  createLogSource({ log, format: 'stock-json', scratchDir: scratch.path, ids: randomIds })

describe('the log source', () => {
  it('reads on from a position, stops blocks in their middle at the limit, and loses none', async () => {
    await log.append(records(0, 250))
    const source = sourceOf()
    await source.open(new Map([['log:demo#0', 30n]]))
    const { messages, batches } = await readMessages(source, 220, LIMITS)
    expect(batches.map(({ messageCount }) => messageCount)).toEqual([100, 100, 20])
    expect(messages.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 220 }, (_, index) => BigInt(index + 30)),
    )
    expect(messages.map(({ payload }) => payload)).toEqual(
      Array.from({ length: 220 }, (_, index) => `m${index + 30}`),
    )
    expect(messages[0]?.receivedUs).toBe(1_700_000_000_000_030n)
    expect(
      batches.map(({ progress }) => [progress[0]?.startOffset, progress[0]?.endOffset]),
    ).toEqual([
      [30n, 130n],
      [130n, 230n],
      [230n, 250n],
    ])
    expect(batches.map(({ progress }) => progress[0]?.isAtEnd)).toEqual([false, false, true])
    expect(batches.at(-1)?.progress[0]?.logEndOffset).toBe(250n)
    await source.close()
  })

  it('wakes up with an append, and answers an empty batch where none comes', async () => {
    const source = sourceOf()
    await source.open(new Map())
    const quiet = await source.next(LIMITS, NEVER)
    expect(quiet?.messageCount).toBe(0)
    expect(quiet?.progress).toEqual([
      {
        part: { source: 'log:demo', partition: 0 },
        startOffset: 0n,
        endOffset: 0n,
        messageCount: 0,
        isAtEnd: true,
        isFinished: false,
        logEndOffset: 0n,
      },
    ])
    const waiting = source.next({ ...LIMITS, timeMs: 10_000, rows: 3 }, NEVER)
    await log.append(records(0, 3))
    const batch = await waiting
    expect(batch === undefined ? [] : messagesOf(batch).map(({ payload }) => payload)).toEqual([
      'm0',
      'm1',
      'm2',
    ])
    await source.close()
  })

  it('deletes the segments behind what is committed, not behind what is read', async () => {
    for (let index = 0; index < 40; index += 1) await log.append(records(index, 1))
    const before = readdirSync(directory).length
    const source = sourceOf()
    await source.open(new Map())
    // Full batches, however slow the disk is.
    const full = { ...LIMITS, rows: 20, timeMs: 60_000 }
    const first = await source.next(full, NEVER)
    const second = await source.next(full, NEVER)
    expect(second?.progress[0]?.endOffset).toBe(40n)
    expect(readdirSync(directory).length).toBe(before)
    if (first !== undefined) await source.committed(first)
    expect(log.startOffset()).toBeGreaterThan(0n)
    expect(log.startOffset()).toBeLessThanOrEqual(20n)
    if (second !== undefined) await source.committed(second)
    expect(readdirSync(directory)).toHaveLength(1)
    await source.close()
  })

  it('says data-loss where the log does not hold the position', async () => {
    const source = sourceOf()
    expect(() => source.open(new Map([['log:demo#0', 5n]]))).toThrow('offsets 0 to 4 are gone')
    await source.close()
  })

  it('leaves no file behind when it is closed in the middle', async () => {
    await log.append(records(0, 250))
    const source = sourceOf()
    await source.open(new Map())
    const batch = await source.next(LIMITS, NEVER)
    if (batch !== undefined) await source.release(batch)
    await source.close()
    expect(await source.next(LIMITS, NEVER)).toBeUndefined()
    expect(readdirSync(scratch.path)).toEqual([])
  })

  it('answers at once with what it has when it is told to stop', async () => {
    await log.append(records(0, 5))
    const source = sourceOf()
    await source.open(new Map())
    const stop = new AbortController()
    const waiting = source.next({ ...LIMITS, timeMs: 60_000 }, stop.signal)
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    const batch = await waiting
    const end = batch?.progress[0]?.endOffset ?? 0n
    expect(BigInt(batch?.messageCount ?? -1)).toBe(end)
    await source.close()
  })
})
