import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keepDueTimes, type DueTimes } from '../../../pipelines/live/due-times.ts'

let times: DueTimes
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 21, 3, 16, 30) })
})
afterEach(async () => {
  await times.stop()
  vi.useRealTimers()
})

it('is due once after each time of the schedule, in UTC', async () => {
  times = await keepDueTimes('17 3 * * *')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(times.isDue()).toBe(false)
  await vi.advanceTimersByTimeAsync(20_000)
  expect([times.isDue(), times.isDue()]).toEqual([true, false])
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  expect([times.isDue(), times.isDue()]).toEqual([true, false])
  await times.stop()
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  expect(times.isDue()).toBe(false)
})
