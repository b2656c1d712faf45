import { partKey, type PartProgress } from '../sources/source.ts'
import type { CutPlan } from './commit-plan.ts'
import type { PartPosition } from './read-positions.ts'

/** Parts that a cut tells something of and that stay where they are, finished files too. */
export function restingParts(
  positions: readonly PartPosition[],
): Pick<CutPlan, 'parts' | 'progress'> {
  return {
    parts: new Map(
      positions.map(({ part, endOffset, maxEventUs, newestReceivedUs }) => {
        return [partKey(part), { part, endOffset, maxEventUs, newestReceivedUs, isAtEnd: false }]
      }),
    ),
    progress: positions.map(restingAt),
  }
}

export function restingAt({ part, endOffset, isFinished }: PartPosition): PartProgress {
  return {
    part,
    startOffset: endOffset,
    endOffset,
    messageCount: 0,
    isAtEnd: false,
    isFinished,
  }
}
