import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { createSinkFeeder } from '../../../pipelines/sinks/sink-feeder.ts'
import { silentLogger } from '../../../pipelines/sources/logger.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { makeStockHours } from '../../support/stock-hours.ts'
import { clockAfter, runStockHours } from '../../support/stock-hours-loop.ts'
import { createRecordingSink } from './recording-sink.ts'

const hours = makeStockHours(4, new Map())

/** A promise and what settles it. */
function deferred(): {
  promise: Promise<void>
  resolve: () => void
  reject: (error: Error) => void
} {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  return { promise, resolve, reject }
}

describe('feeding sinks beside the loop', () => {
  let lake: Lake
  beforeAll(async () => {
    const clock = clockAfter(hours)
    lake = await openMemoryLake({ clock })
    await runStockHours(lake, clock, hours)
  })
  afterAll(() => lake.close())
  const settings = (name: string) => ({ name, table: 'silver.trades', start: 'earliest' }) as const

  it('gives what is pending before it stops, and closes its sinks', async () => {
    const sink = createRecordingSink()
    const feeder = createSinkFeeder(lake, [{ settings: settings('a'), sink }], silentLogger)
    feeder.notify()
    await feeder.stop(10_000)
    expect(sink.deliveries.map(({ cutNumber }) => cutNumber)).toEqual([1, 2, 3, 4])
    expect(sink.isClosed).toBe(true)
  })

  it('gives the rows again that a sink failed to take, and holds up no other sink', async () => {
    const failed = deferred()
    const failing = createRecordingSink((number) => {
      if (number === 1) throw new Error('away')
      failed.resolve()
    })
    const sound = createRecordingSink()
    const sinks = [
      { settings: settings('failing'), sink: failing },
      { settings: settings('sound'), sink: sound },
    ]
    const feeder = createSinkFeeder(lake, sinks, silentLogger)
    await failed.promise
    await feeder.stop(10_000)
    expect(sound.deliveries).toHaveLength(4)
    expect(failing.deliveries.map(({ cutNumber }) => cutNumber)).toEqual([1, 1, 2, 3, 4])
  })

  it('gives up a delivery that hangs when its time is over', async () => {
    const hanging = deferred()
    const begun = deferred()
    const sink = {
      deliver: async () => {
        begun.resolve()
        await hanging.promise
      },
      close: () => {
        hanging.reject(new Error('closed'))
        return Promise.resolve()
      },
    }
    const feeder = createSinkFeeder(lake, [{ settings: settings('hangs'), sink }], silentLogger)
    await begun.promise
    await feeder.stop(20)
    const after = createRecordingSink()
    const next = createSinkFeeder(
      lake,
      [{ settings: settings('hangs'), sink: after }],
      silentLogger,
    )
    await next.stop(10_000)
    expect(after.deliveries[0]?.cutNumber).toBe(1)
  })
})
