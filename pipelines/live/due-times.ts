/** Times at which something is due, by a cron schedule in UTC. */
export interface DueTimes {
  /** True once after each time that came. */
  isDue(): boolean
  stop(): Promise<void>
}

/**
 * Keeps a schedule (`minute hour day month weekday`) until it is stopped. Times that come while
 * nobody asks count once.
 */
export async function keepDueTimes(schedule: string): Promise<DueTimes> {
  // Loaded on use: most runs have no schedule.
  const cron = await import('node-cron')
  let isWaiting = false
  const task = cron.schedule(
    schedule,
    () => {
      isWaiting = true
    },
    { timezone: 'UTC' },
  )
  return {
    isDue: () => {
      const wasWaiting = isWaiting
      isWaiting = false
      return wasWaiting
    },
    stop: async () => {
      await task.destroy()
    },
  }
}
