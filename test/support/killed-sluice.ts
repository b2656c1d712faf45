import { setTimeout as delay } from 'node:timers/promises'
import { engineOfUsers, startSluice, type RunningSluice } from './sluice-process.ts'

/** The points that a process names on its way through a cut, and what it does from there on. */
export const killPhases = {
  batchFetched: 'fetch',
  rowsDerived: 'engine',
  dataFilesWritten: 'data files',
  staged: 'stage',
  commitSent: 'during POST',
  commitLanded: 'after POST',
} as const

export type KillPoint = keyof typeof killPhases
export const killPoints = Object.keys(killPhases) as KillPoint[]

/** What a process was at when it was killed; `start` before its first cut. */
export type KillPhase = 'start' | (typeof killPhases)[KillPoint]

/** Where a process is killed: at a point itself, or some ms after it passed so many points. */
export type KillAt =
  | { readonly at: KillPoint; readonly times?: number }
  | { readonly pointCount: number; readonly afterMs: number }

/** Starts `sluice ARGS` and has it killed; undefined where it ended before that. */
export async function killSluice(
  args: readonly string[],
  kill: KillAt,
): Promise<KillPhase | undefined> {
  if ('at' in kill) {
    const fault = `${kill.at}@${kill.times ?? 1}`
    const running = startSluice(args, { ...engineOfUsers, SLUICE_FAULT: fault })
    const code = await running.ended
    if (code === null) return killPhases[kill.at]
    return requireSuccess(running, code)
  }
  const running = startSluice(args, { ...engineOfUsers, SLUICE_FAULT: 'none' })
  const reached = new RegExp(`(?:fault: at [^]*?){${kill.pointCount}}`)
  // Where it ends before, there is nothing to kill.
  await running.waitFor(reached).catch(() => undefined)
  await delay(kill.afterMs)
  const code = await running.stop('SIGKILL')
  return code === null ? phaseOf(running.output()) : requireSuccess(running, code)
}

function requireSuccess(running: RunningSluice, code: number): undefined {
  if (code !== 0)
    throw new Error(`sluice ended with ${code} instead of being killed:\n${running.output()}`)
}

function phaseOf(output: string): KillPhase {
  const last = [...output.matchAll(/fault: at (\w+)/g)].at(-1)?.[1]
  const point = killPoints.find((each) => each === last)
  return point === undefined ? 'start' : killPhases[point]
}

/** How often processes were killed, by what they were and what they were at. */
export interface KillHistogram {
  add(of: string, phase: KillPhase): void
  count(of?: string, phase?: KillPhase): number
  /** A line for each kind of process. */
  lines(): readonly string[]
}

export function createKillHistogram(): KillHistogram {
  const kills: { readonly of: string; readonly phase: KillPhase }[] = []
  const count = (of?: string, phase?: KillPhase) =>
    kills.filter(
      (kill) =>
        (of === undefined || kill.of === of) && (phase === undefined || kill.phase === phase),
    ).length
  const phases: readonly KillPhase[] = ['start', ...Object.values(killPhases)]
  return {
    count,
    add: (of, phase) => kills.push({ of, phase }),
    lines: () =>
      [...new Set(kills.map(({ of }) => of))].map(
        (of) => `${of}: ${phases.map((phase) => `${phase} ${count(of, phase)}`).join(', ')}`,
      ),
  }
}
