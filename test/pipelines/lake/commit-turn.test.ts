import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { awaitCommitTurn, takeCommitTurn } from '../../../pipelines/lake/commit-turn.ts'
import type { WriterRole } from '../../../pipelines/lake/lake-lock.ts'
import { randomIds } from '../../../tables/clock.ts'
import { createTestClock, type TestClock } from '../../support/memory-lake.ts'

let directory: string
let clock: TestClock
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-turn-'))
  clock = createTestClock(1_700_000_000_000_000n)
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const take = (by: WriterRole = 'range') =>
  takeCommitTurn({ directory, purpose: 'sluice replay', clock, ids: randomIds, by })

/** Waits for the turn of a role, counting how often it looks again. */
async function countWaits(
  onWait: () => Promise<void> = () => Promise.resolve(),
  of: WriterRole = 'range',
): Promise<number> {
  let waits = 0
  const sleep = () => {
    waits += 1
    return onWait()
  }
  await awaitCommitTurn({ directory, clock, of, sleep })
  return waits
}

describe('the turn of the next cut', () => {
  it('is nobody to wait for where nobody asked for it', async () => {
    expect(await countWaits()).toBe(0)
  })

  it('is waited for until it is given back', async () => {
    const giveBack = await take()
    let looks = 0
    const waits = await countWaits(async () => {
      looks += 1
      if (looks === 3) await giveBack()
    })
    expect(waits).toBe(3)
  })

  it('is asked for by the stream too, and who loads ranges waits', async () => {
    const giveBack = await take('stream')
    expect(await countWaits()).toBe(0)
    expect(await countWaits(giveBack, 'stream')).toBe(1)
  })

  it('is waited for fifteen seconds and no longer, and an old one not at all', async () => {
    const giveBack = await take()
    expect(await countWaits()).toBe(600)
    clock.advanceUs(61_000_000n)
    expect(await countWaits()).toBe(0)
    await giveBack()
  })
})
