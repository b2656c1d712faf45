import type { StepSession } from './step-session.ts'

/** Watermark before the cut, as SQL (µs; null: none yet). A row behind it is late. */
export const LATENESS_US = '(SELECT before_us FROM loop_times)'
/** Watermark after the cut, as SQL (µs; null: none yet). A window that ends by it is sealed. */
export const CLOSING_US = '(SELECT after_us FROM loop_times)'

/** Number of the cut, as SQL. */
export const THIS_CUT = '(SELECT cut_number FROM loop_times)'

/**
 * Puts a cut's number and its two watermarks into the engine. Steps read them there, so that their text, and
 * with it their plan, is the same in each cut.
 */
export async function setLoopTimes(
  session: StepSession,
  {
    cutNumber,
    beforeUs,
    afterUs,
  }: {
    readonly cutNumber: number
    readonly beforeUs: bigint | undefined
    readonly afterUs: bigint | undefined
  },
): Promise<void> {
  const value = (us: bigint | undefined) => `${us ?? 'NULL'}::BIGINT`
  await session.fillOnce(
    'loop_times',
    `SELECT ${value(beforeUs)} AS before_us, ${value(afterUs)} AS after_us, ` +
      `${cutNumber}::BIGINT AS cut_number`,
  )
}
