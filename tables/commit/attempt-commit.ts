import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { isErrorKind, SluiceError } from '../errors.ts'
import type { CommitContext } from './commit-context.ts'

/**
 * The loop around every commit. Each try starts from what the catalog says now and looks for the
 * own token before anything else, because an attempt whose answer was lost, or that was answered
 * with a conflict behind a retrying proxy, may have landed:
 *
 *   prepare ─► landed earlier? done
 *      │
 *      └─► staged ─► catalog ─► committed? done
 *             ▲          ├─ conflict: nothing landed, prepare again
 *             └──────────┴─ unknown: wait, prepare again; no file is deleted
 *
 * Sending again after an unknown outcome is safe: every attempt asserts the same head of the cuts
 * table, so at most one of them can ever land.
 */
export type Prepared<T> =
  | { readonly kind: 'landed'; readonly result: T }
  | {
      readonly kind: 'staged'
      readonly commits: readonly TableCommit[]
      readonly finish: (tables: readonly LoadedTable[]) => T
    }

export interface AttemptRequest<T> {
  /** For messages: `cut 12`. */
  readonly what: string
  readonly prepare: (attemptNumber: number) => Promise<Prepared<T>>
  /** How the commits are made, where it is not by one transaction of the catalog. */
  readonly send?: (commits: readonly TableCommit[]) => Promise<readonly LoadedTable[]>
  /** What comes before another try is prepared. */
  readonly beforeRetry?: () => Promise<void>
}

/** Tries at one commit. With the waits between them this is about half a minute. */
export const ATTEMPT_COUNT_MAX = 10

const CONFLICT_WAIT_MS = 20
const UNKNOWN_WAIT_MS = 100
const WAIT_MS_MAX = 5_000

/**
 * @throws SluiceError `commit-conflict` where the change cannot be made any more,
 * `commit-state-unknown` where no answer can be had: the commit may or may not have landed.
 */
export async function attemptCommit<T>(
  context: CommitContext,
  request: AttemptRequest<T>,
): Promise<T> {
  const send = request.send ?? ((commits) => context.catalog.commitTransaction(commits))
  let unknown: unknown
  let conflict: unknown
  for (let attempt = 1; attempt <= ATTEMPT_COUNT_MAX; attempt++) {
    if (attempt > 1) await waitBefore(context, attempt, unknown !== undefined)
    let prepared: Prepared<T>
    try {
      if (attempt > 1) await request.beforeRetry?.()
      prepared = await request.prepare(attempt)
    } catch (error) {
      // What is lost cannot be asked for while the catalog is away; all else is final.
      if (unknown === undefined || !isAway(error)) throw error
      continue
    }
    if (prepared.kind === 'landed') return prepared.result
    await context.hooks?.commitSent?.()
    let tables: readonly LoadedTable[]
    try {
      tables = await send(prepared.commits)
    } catch (error) {
      if (isErrorKind(error, 'commit-state-unknown')) unknown = error
      else if (isErrorKind(error, 'commit-conflict') && !isSettled(error)) conflict = error
      else throw error
      continue
    }
    await context.hooks?.commitLanded?.()
    return prepared.finish(tables)
  }
  throw unknown === undefined
    ? tooManyTries(request.what, conflict)
    : stillUnknown(request.what, unknown)
}

/** True for errors that say nothing of whether a commit landed. */
function isAway(error: unknown): boolean {
  return isErrorKind(error, 'storage-unavailable') || isErrorKind(error, 'commit-state-unknown')
}

/** A conflict that no further try can change: another writer's decision stands. */
function isSettled(error: SluiceError): boolean {
  return error.context['settled'] !== undefined
}

async function waitBefore(
  context: CommitContext,
  attempt: number,
  isUnknown: boolean,
): Promise<void> {
  const firstMs = isUnknown ? UNKNOWN_WAIT_MS : CONFLICT_WAIT_MS
  const waitMs = Math.min(WAIT_MS_MAX, firstMs * 2 ** (attempt - 2))
  await (context.sleep ?? sleepByTimer)(waitMs)
}

function sleepByTimer(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}

function tooManyTries(what: string, cause: unknown): SluiceError {
  return new SluiceError(
    'commit-conflict',
    `${what} met a foreign commit in each of ${ATTEMPT_COUNT_MAX} tries. Nothing of it was ` +
      'committed. Find out who else commits to these tables so often, then start again.',
    { cause, isRetryable: true },
  )
}

function stillUnknown(what: string, cause: unknown): SluiceError {
  return new SluiceError(
    'commit-state-unknown',
    `The answer to ${what} was lost, and the catalog did not say within ${ATTEMPT_COUNT_MAX} ` +
      'tries whether it landed. No file was deleted. Start again once the catalog answers: the ' +
      'start reads what is committed and goes on from there.',
    { cause },
  )
}
