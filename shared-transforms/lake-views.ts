import { barsByStep } from '../gold/bars-by-step.ts'
import { latestQuotes } from '../gold/latest-quotes.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'

/** Every view of a lake. */
export const allViews: readonly ViewDefinition[] = [...barsByStep, latestQuotes]
