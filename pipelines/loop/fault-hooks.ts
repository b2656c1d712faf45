import { SluiceError } from '../../tables/errors.ts'
import type { LoopHooks } from './loop-hooks.ts'

const points = [
  'batchFetched',
  'rowsDerived',
  'dataFilesWritten',
  'staged',
  'commitSent',
  'journalWritten',
  'tableCommitted',
  'commitLanded',
] as const
export type FaultPoint = (typeof points)[number]

/**
 * Hooks that kill this process the hard way at a point of its work, for proofs of recovery:
 * `commitLanded@3` is SIGKILL the third time that a commit has landed and its answer is not read.
 * `report` gets one line before the kill. The text `none` kills nowhere and reports every point,
 * so that whoever kills the process at any time can say where it was.
 * @throws SluiceError `invalid-input` where the text names no point.
 */
export function createFaultHooks(text: string, report: (line: string) => void): LoopHooks {
  if (text === 'none') return reportingHooks(report)
  const [name, times] = text.split('@')
  const point = points.find((each) => each === name)
  const killAt = Number(times ?? '1')
  if (point === undefined || !Number.isInteger(killAt) || killAt < 1) {
    throw new SluiceError(
      'invalid-input',
      `"${text}" is no fault. Nothing was started. Write POINT@TIMES with one of ` +
        `${points.join(', ')}; or none.`,
    )
  }
  let passed = 0
  const strike = (at: FaultPoint): Promise<void> => {
    passed += 1
    if (passed === killAt) {
      report(`fault: SIGKILL at ${at}, time ${passed}`)
      process.kill(process.pid, 'SIGKILL')
    }
    return Promise.resolve()
  }
  return { [point]: () => strike(point) }
}

function reportingHooks(report: (line: string) => void): LoopHooks {
  const tell = (at: FaultPoint) => () => {
    report(`fault: at ${at}`)
    return Promise.resolve()
  }
  return Object.fromEntries(points.map((point) => [point, tell(point)]))
}
