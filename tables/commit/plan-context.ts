import type { WriteContext } from '../write/write-context.ts'
import type { CommitContext } from './commit-context.ts'

/** What planning a change from SQL works with: a catalog and its stores, and an engine. */
export type PlanContext = CommitContext & WriteContext
