import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { SluiceError } from '../../tables/errors.ts'

const points = [
  'dataFilesWritten',
  'staged',
  'commitSent',
  'journalWritten',
  'tableCommitted',
  'commitLanded',
] as const
type Point = (typeof points)[number]

/**
 * Hooks that kill this process the hard way at a point of a commit, for proofs of recovery:
 * `commitLanded@3` is SIGKILL the third time that a commit has landed and its answer is not read.
 * `report` gets one line before the kill.
 * @throws SluiceError `invalid-input` where the text names no point.
 */
export function createFaultHooks(text: string, report: (line: string) => void): CommitHooks {
  const [name, times] = text.split('@')
  const point = points.find((each) => each === name)
  const killAt = Number(times ?? '1')
  if (point === undefined || !Number.isInteger(killAt) || killAt < 1) {
    throw new SluiceError(
      'invalid-input',
      `"${text}" is no fault. Nothing was started. Write POINT@TIMES with one of ${points.join(', ')}.`,
    )
  }
  let passed = 0
  const strike = (at: Point): Promise<void> => {
    passed += 1
    if (passed === killAt) {
      report(`fault: SIGKILL at ${at}, time ${passed}`)
      process.kill(process.pid, 'SIGKILL')
    }
    return Promise.resolve()
  }
  return { [point]: () => strike(point) }
}
