import { engineOfUsers, startSluice, type RunningSluice } from './sluice-process.ts'

/** How one `sluice live` ended. */
export interface LiveEnd {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly log: string
}

/** A `sluice live` that is started again whenever it ends, as a supervisor does it. */
export interface SupervisedLive {
  /** Every end so far, the one of `stop` too. */
  readonly ends: readonly LiveEnd[]
  /** SIGKILL to the one that runs now; resolves once it has ended. */
  kill(): Promise<void>
  /** The next end that comes by itself or by a signal. */
  nextEnd(): Promise<LiveEnd>
  /** SIGTERM, and it is started no more. */
  stop(): Promise<LiveEnd>
}

/**
 * Of one that lost to a cut which an earlier one may have sent before it was cut off, that cut's
 * token: a catalog can commit it behind the start of the next one. Undefined of any other end.
 */
export function lateWinner(ends: readonly LiveEnd[], end: LiveEnd): string | undefined {
  const isCutOff = ({ code, log }: LiveEnd): boolean =>
    code === null || /^sluice: commit-state-unknown: /m.test(log)
  if (!ends.slice(0, ends.indexOf(end)).some(isCutOff)) return undefined
  return /^sluice: commit-conflict: .* with token ([0-9a-f-]{36})\./m.exec(end.log)?.[1]
}

/** @param configOf writes the config of the next start and names it */
export function superviseLive(
  configOf: () => Promise<string>,
  env: Readonly<Record<string, string>>,
): SupervisedLive {
  const ends: LiveEnd[] = []
  let running: RunningSluice | undefined
  let isStopping = false
  let waiting: ((end: LiveEnd) => void)[] = []

  async function keepRunning(): Promise<void> {
    while (!isStopping) {
      running = startSluice(['live', '--config', await configOf()], { ...engineOfUsers, ...env })
      const end = { code: await running.ended, log: running.output() }
      ends.push(end)
      const told = waiting
      waiting = []
      for (const tell of told) tell(end)
    }
  }
  const finished = keepRunning()
  const nextEnd = (): Promise<LiveEnd> => new Promise((resolve) => waiting.push(resolve))

  return {
    ends,
    nextEnd,
    kill: async () => {
      // It may just have ended by itself: then it is the one after it.
      for (let isKilled = false; !isKilled;) {
        const ended = nextEnd()
        await running?.stop('SIGKILL')
        isKilled = (await ended).code === null
      }
    },
    stop: async () => {
      isStopping = true
      await running?.stop('SIGTERM')
      await finished
      return ends.at(-1) ?? { code: null, log: '' }
    },
  }
}
