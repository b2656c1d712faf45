import type { Lake } from '../lake/lake.ts'
import { headOf, type LoopContext } from '../loop/loop-context.ts'
import { readLoopState } from '../loop/restore-loop.ts'
import type { StepSession } from '../loop/step-session.ts'
import { requireClosedDays } from '../replay/closed-days.ts'
import { INPUT_RANGE } from './read-input.ts'

/**
 * A stream writes the days that are open. The watermark never goes back: what is closed stays so.
 * @throws SluiceError `invalid-input` where the input, in INPUT_RANGE, has rows of an open day.
 */
export async function refuseOpenDays(
  lake: Lake,
  session: StepSession,
  heads: LoopContext['heads'],
): Promise<void> {
  const { watermarkUs } = await readLoopState(lake, session, headOf(heads, 'sluice.cuts'))
  const days = await session.rows<{ day: bigint }>(
    `SELECT DISTINCT day FROM ${INPUT_RANGE} ORDER BY day`,
  )
  for (const { day } of days) requireClosedDays({ fromDay: day, toDay: day + 1n }, watermarkUs)
}
