import type { PartProgress } from '../sources/source.ts'
import { loopDefaults, type LoopContext } from './loop-context.ts'
import { advanceParts, openParts, type LoopState, type PartObservation } from './loop-state.ts'
import { setLoopTimes } from './loop-times.ts'
import { watermarkAfter } from './watermark.ts'

export interface AdvancedState {
  readonly after: LoopState
  /** Part states by `partKey` after the cut, finished files too. */
  readonly parts: LoopState['parts']
}

/**
 * Positions and watermark after a cut; the watermarks before and after it go into the engine.
 * @param moved how far the parts came, what their rows say, and the cut's ingested_ts, µs
 * @throws SluiceError `commit-conflict` where a part does not start at its committed end.
 */
export async function advanceState(
  { session, options, state }: LoopContext,
  moved: {
    readonly progress: readonly PartProgress[]
    readonly seen: ReadonlyMap<string, PartObservation>
    readonly ingestedUs: bigint
  },
): Promise<AdvancedState> {
  const parts = advanceParts(state.parts, moved.progress, moved.seen)
  // Beside a stream only closed days are loaded, and its rules of lateness are its own.
  const watermarkUs =
    options.isBeside === true
      ? state.watermarkUs
      : watermarkAfter(state.watermarkUs, parts.values(), {
          allowedLatenessUs:
            BigInt(options.allowedLatenessMs ?? loopDefaults.allowedLatenessMs) * 1000n,
          idleAfterUs: BigInt(options.idleAfterMs ?? loopDefaults.idleAfterMs) * 1000n,
        })
  const cutNumber = state.cutNumber + 1
  await setLoopTimes(session, { cutNumber, beforeUs: state.watermarkUs, afterUs: watermarkUs })
  const after: LoopState = {
    cutNumber,
    ingestedUs: moved.ingestedUs,
    watermarkUs,
    parts: openParts(parts, moved.progress),
  }
  return { after, parts }
}
