import { advanceState } from './advance-state.ts'
import { readLastMessage } from './check-last-messages.ts'
import { commitPlan } from './commit-plan.ts'
import { NO_COUNTS } from './cut-rows.ts'
import type { LoopContext } from './loop-context.ts'
import { nextIngestedUs } from './loop-state.ts'
import { restoreLoop } from './restore-loop.ts'

/**
 * What the source no longer holds is written into sluice.cuts as a cut of its own that moves
 * positions and takes nothing in, so that everybody can see later what was given up. Answers with
 * the context to go on from.
 * @throws SluiceError `commit-conflict` where another writer came first: nothing was accepted.
 */
export async function acceptLosses(context: LoopContext): Promise<LoopContext> {
  const { options, session, state } = context
  const { source, lake } = options
  if (source.findLosses === undefined) return context
  const positions = new Map([...state.parts].map(([key, part]) => [key, part.endOffset]))
  const losses = await source.findLosses(positions, (part, belowOffset) =>
    readLastMessage(context, part, belowOffset),
  )
  if (losses.length === 0) return context
  const progress = losses.map((loss) => loss.progress)
  const ingestedUs = nextIngestedUs(state, lake.clock.nowUs())
  const advanced = await advanceState(context, { progress, seen: new Map(), ingestedUs })
  await commitPlan(context, {
    ...advanced,
    ...{
      mode: 'accept-loss',
      progress,
      changes: [],
      revised: [],
      counts: new Map(),
      total: NO_COUNTS,
    },
  })
  for (const { what } of losses) options.onLoss?.(what)
  return restoreLoop(options, session)
}
