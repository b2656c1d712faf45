import { SluiceError } from '../../tables/errors.ts'
import { parseJson } from '../../tables/spec/json.ts'
import { z } from 'zod'
import { partKey, type PartProgress } from '../sources/source.ts'
import type { PartState } from './watermark.ts'

/** What a cut leaves behind for the next one; all of it can be rebuilt from `sluice.cuts`. */
export interface LoopState {
  readonly cutNumber: number
  /** ingested_ts of the last cut, µs: the next one is later, whatever the clock says. */
  readonly ingestedUs: bigint
  readonly watermarkUs: bigint | undefined
  /** Open parts by `partKey`. A file that was read whole is a row of sluice.cuts, not a state. */
  readonly parts: ReadonlyMap<string, PartState>
}

export const EMPTY_LOOP_STATE: LoopState = {
  cutNumber: 0,
  ingestedUs: 0n,
  watermarkUs: undefined,
  parts: new Map(),
}

/** Name of the sluice.cuts property that repeats the open parts; a cache, the rows are the truth. */
export const POSITIONS_PROPERTY = 'sluice.positions'

const microsText = z.string().regex(/^-?\d+$/)
const positionsSchema = z.object({
  cut: z.number().int(),
  ingestedUs: microsText,
  watermarkUs: microsText.nullable(),
  parts: z.array(
    z.object({
      source: z.string(),
      partition: z.number().int(),
      end: microsText,
      maxEventUs: microsText.nullable(),
      newestReceivedUs: microsText.nullable(),
    }),
  ),
})

/** The state as the property's text. */
export function encodePositions(state: LoopState): string {
  const text = (value: bigint | undefined) => value?.toString() ?? null
  return JSON.stringify({
    cut: state.cutNumber,
    ingestedUs: state.ingestedUs.toString(),
    watermarkUs: text(state.watermarkUs),
    parts: [...state.parts.values()].map(({ part, ...rest }) => ({
      source: part.source,
      partition: part.partition,
      end: rest.endOffset.toString(),
      maxEventUs: text(rest.maxEventUs),
      newestReceivedUs: text(rest.newestReceivedUs),
    })),
  })
}

/** The state in a property's text; undefined where it belongs to another cut than `cutNumber`. */
export function decodePositions(text: string, cutNumber: number): LoopState | undefined {
  const parsed = positionsSchema.safeParse(parseJson(text))
  if (!parsed.success || parsed.data.cut !== cutNumber) return undefined
  const micros = (value: string | null) => (value === null ? undefined : BigInt(value))
  const parts = parsed.data.parts.map((entry): [string, PartState] => {
    const part = { source: entry.source, partition: entry.partition }
    return [
      partKey(part),
      {
        part,
        endOffset: BigInt(entry.end),
        maxEventUs: micros(entry.maxEventUs),
        newestReceivedUs: micros(entry.newestReceivedUs),
        isAtEnd: false,
      },
    ]
  })
  return {
    cutNumber,
    ingestedUs: BigInt(parsed.data.ingestedUs),
    watermarkUs: micros(parsed.data.watermarkUs),
    parts: new Map(parts),
  }
}

/** ingested_ts of the next cut: the clock's, but always later than the last one's. */
export function nextIngestedUs(state: LoopState, clockUs: bigint): bigint {
  return clockUs > state.ingestedUs ? clockUs : state.ingestedUs + 1n
}

/** What the rows of a batch say of one part. */
export interface PartObservation {
  readonly maxEventUs: bigint | undefined
  readonly newestReceivedUs: bigint | undefined
}

/**
 * Part states with a batch's progress folded in.
 * @throws SluiceError `commit-conflict` where the batch does not start at the committed end: the
 * reader is a zombie, or somebody else moved the part.
 */
export function advanceParts(
  parts: ReadonlyMap<string, PartState>,
  progress: readonly PartProgress[],
  observations: ReadonlyMap<string, PartObservation>,
): Map<string, PartState> {
  const next = new Map(parts)
  for (const moved of progress) {
    const key = partKey(moved.part)
    const before = parts.get(key)
    if (before !== undefined && before.endOffset !== moved.startOffset) {
      throw new SluiceError(
        'commit-conflict',
        `The batch starts ${key} at ${moved.startOffset}, but ${before.endOffset} is committed. ` +
          'Nothing of the batch was committed. Start again: reading goes on at the committed end.',
      )
    }
    const seen = observations.get(key)
    next.set(key, {
      part: moved.part,
      endOffset: moved.endOffset,
      maxEventUs: latest(before?.maxEventUs, seen?.maxEventUs),
      newestReceivedUs: latest(before?.newestReceivedUs, seen?.newestReceivedUs),
      isAtEnd: moved.isAtEnd,
    })
  }
  return next
}

/** The open parts: files that this batch read to their end leave the state. */
export function openParts(
  parts: ReadonlyMap<string, PartState>,
  progress: readonly PartProgress[],
): Map<string, PartState> {
  const open = new Map(parts)
  for (const moved of progress) if (moved.isFinished) open.delete(partKey(moved.part))
  return open
}

function latest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined) return b
  return b === undefined || a > b ? a : b
}
