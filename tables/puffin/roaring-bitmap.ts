import { corruptBitmap } from './corrupt-bitmap.ts'
import { readContainer } from './roaring-container.ts'

/** Positions of one block of 65,536: `base` is a multiple of it, `lows` are sorted and distinct. */
export interface PositionBlock {
  readonly base: bigint
  readonly lows: Uint16Array
}

export const BLOCK_SIZE = 65_536

/** Cookies of the 32-bit format: without run containers, and with (its upper half counts). */
export const COOKIE_WITHOUT_RUNS = 12_346
export const COOKIE_WITH_RUNS = 12_347
/** Bitmaps with run containers have an offset header from this many containers on. */
export const OFFSETS_FROM_CONTAINERS = 4

/**
 * Decodes the portable form of a 64-bit Roaring bitmap: a count, then a 32-bit bitmap for each
 * value of the upper half. The counts in its headers are summed before anything is unpacked, since
 * twelve bytes may stand for 65,536 positions: above `positionCountMax` it is refused.
 * Throws `corrupt-data` for anything but one whole bitmap.
 * Source: https://github.com/RoaringBitmap/RoaringFormatSpec
 */
export function decodeRoaringBitmap(
  bytes: Uint8Array,
  positionCountMax: number,
): readonly PositionBlock[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return readBitmaps(view, positionCountMax)
  } catch (error) {
    // DataView and typed arrays check every access: the end of the bytes is found by them.
    if (error instanceof RangeError) throw corruptBitmap('it ends in the middle', error)
    throw error
  }
}

/** How many positions the blocks hold. */
export function countPositions(blocks: readonly PositionBlock[]): number {
  return blocks.reduce((sum, { lows }) => sum + lows.length, 0)
}

/** Every position in rising order. */
export function* positionsOf(blocks: readonly PositionBlock[]): Generator<bigint> {
  for (const { base, lows } of blocks) for (const low of lows) yield base + BigInt(low)
}

/** Sorts and groups positions; a position that comes twice counts once. */
export function blocksOf(positions: Iterable<bigint>): readonly PositionBlock[] {
  const sorted = BigUint64Array.from(positions).sort()
  const groups = new Map<bigint, number[]>()
  let previous: bigint | undefined
  for (const position of sorted) {
    if (position === previous) continue
    previous = position
    const base = position & ~0xffffn
    const held = groups.get(base)
    if (held === undefined) groups.set(base, [Number(position - base)])
    else held.push(Number(position - base))
  }
  return [...groups].map(([base, lows]) => ({ base, lows: Uint16Array.from(lows) }))
}

function readBitmaps(view: DataView, positionCountMax: number): readonly PositionBlock[] {
  const bitmapCount = view.getBigUint64(0, true)
  const blocks: PositionBlock[] = []
  let offset = 8
  let previousKey = -1
  let positionCount = 0
  for (let index = 0n; index < bitmapCount; index += 1n) {
    const key = view.getUint32(offset, true)
    if (key <= previousKey) throw corruptBitmap('its keys do not rise')
    previousKey = key
    const header = readHeader(view, offset + 4)
    positionCount += header.containers.reduce((sum, each) => sum + each.count, 0)
    if (positionCount > positionCountMax) {
      throw corruptBitmap(`it holds more than the ${positionCountMax} positions that may be`)
    }
    offset = header.end
    for (const { high, count, isRun } of header.containers) {
      const { lows, end } = readContainer(view, offset, count, isRun)
      blocks.push({ base: (BigInt(key) << 32n) | (BigInt(high) << 16n), lows })
      offset = end
    }
  }
  if (offset !== view.byteLength) throw corruptBitmap('bytes follow its end')
  return blocks
}

interface ContainerHeader {
  readonly high: number
  readonly count: number
  readonly isRun: boolean
}

function readHeader(
  view: DataView,
  start: number,
): { readonly containers: readonly ContainerHeader[]; readonly end: number } {
  const cookie = view.getUint32(start, true)
  const hasRuns = (cookie & 0xffff) === COOKIE_WITH_RUNS
  if (!hasRuns && cookie !== COOKIE_WITHOUT_RUNS) throw corruptBitmap('its cookie is not known')
  const count = hasRuns ? (cookie >>> 16) + 1 : view.getUint32(start + 4, true)
  if (count > BLOCK_SIZE) throw corruptBitmap('it has more containers than can be')
  const runFlags = start + 4
  const keys = hasRuns ? runFlags + Math.ceil(count / 8) : start + 8
  const containers: ContainerHeader[] = []
  for (let index = 0; index < count; index += 1) {
    const high = view.getUint16(keys + 4 * index, true)
    if (high <= (containers.at(-1)?.high ?? -1)) throw corruptBitmap('its containers do not rise')
    const flags = hasRuns ? view.getUint8(runFlags + (index >> 3)) : 0
    containers.push({
      high,
      count: view.getUint16(keys + 4 * index + 2, true) + 1,
      isRun: ((flags >> (index & 7)) & 1) === 1,
    })
  }
  // The containers lie in order, so where each starts is known without the offsets.
  const hasOffsets = !hasRuns || count >= OFFSETS_FROM_CONTAINERS
  return { containers, end: keys + 4 * count + (hasOffsets ? 4 * count : 0) }
}
