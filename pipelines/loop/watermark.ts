import { isFilePart, type SourcePart } from '../sources/source.ts'

/** What the loop knows of one part of a source. Times are event or receive times in µs. */
export interface PartState {
  readonly part: SourcePart
  /** Exclusive end that is committed, or that this cut will commit. */
  readonly endOffset: bigint
  /** Latest event time of a good row; undefined until the first one. */
  readonly maxEventUs: bigint | undefined
  readonly newestReceivedUs: bigint | undefined
  readonly isAtEnd: boolean
}

export interface WatermarkRules {
  readonly allowedLatenessUs: bigint
  readonly idleAfterUs: bigint
}

/**
 * The watermark after a cut: latest event time − allowed lateness per part, the least of the
 * parts that count, and never less than it was. It is made of data only, so that a replay at any
 * speed gives the same one.
 *
 * A part does not count when it was read up to its end and either never held a message or is
 * silent: its newest receive time lies more than `idleAfterUs` behind the newest of all parts.
 * A file that was read whole is left out by the caller from the next cut on. Beside a stream no
 * file counts: history that is loaded, or was begun and left, must not hold the stream back.
 */
export function watermarkAfter(
  previousUs: bigint | undefined,
  parts: Iterable<PartState>,
  rules: WatermarkRules,
): bigint | undefined {
  const known = [...parts]
  const streams = known.filter(({ part }) => !isFilePart(part))
  const all = streams.length > 0 ? streams : known
  const newestReceivedUs = all.reduce<bigint | undefined>(
    (newest, part) => later(newest, part.newestReceivedUs),
    undefined,
  )
  let leastUs: bigint | undefined
  for (const part of all) {
    if (isSilent(part, newestReceivedUs, rules)) continue
    if (part.maxEventUs === undefined) return previousUs
    const partUs = part.maxEventUs - rules.allowedLatenessUs
    leastUs = leastUs === undefined || partUs < leastUs ? partUs : leastUs
  }
  return later(previousUs, leastUs)
}

function isSilent(
  part: PartState,
  newestReceivedUs: bigint | undefined,
  rules: WatermarkRules,
): boolean {
  if (!part.isAtEnd) return false
  // Begun behind older messages, it has held none as far as the lake knows.
  const isUnread = part.maxEventUs === undefined && part.newestReceivedUs === undefined
  if (part.endOffset === 0n || isUnread) return true
  if (part.newestReceivedUs === undefined || newestReceivedUs === undefined) return false
  return newestReceivedUs - part.newestReceivedUs > rules.idleAfterUs
}

function later(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  return a > b ? a : b
}
