const HEARTBEAT_MS = 1000

/** Waits with a heartbeat each second; throws what the heartbeat throws, a rebalance mostly. */
export async function waitBeating<T>(
  wanted: Promise<T>,
  heartbeat: () => Promise<void>,
): Promise<T> {
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const tick = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), HEARTBEAT_MS)
    })
    const answer = await Promise.race([wanted.then((value) => ({ value })), tick])
    clearTimeout(timer)
    if (answer !== undefined) return answer.value
    await heartbeat()
  }
}

/** Sleeps, a second at most, and beats once. */
export async function sleepBeating(
  durationMs: number,
  heartbeat: () => Promise<void>,
): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, Math.min(durationMs, HEARTBEAT_MS)))
  await heartbeat()
}
