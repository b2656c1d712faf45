import { COOKIE_WITH_RUNS, COOKIE_WITHOUT_RUNS, OFFSETS_FROM_CONTAINERS } from './roaring-bitmap.ts'
import type { PositionBlock } from './roaring-bitmap.ts'
import { encodeContainer } from './roaring-container.ts'

/**
 * The portable form of a 64-bit Roaring bitmap. Blocks must rise, as `blocksOf` makes them. Each
 * container takes its smallest form, so that the bytes are those that Java's library writes after
 * `runOptimize`.
 */
export function encodeRoaringBitmap(blocks: readonly PositionBlock[]): Uint8Array {
  const bitmaps = new Map<number, PositionBlock[]>()
  for (const block of blocks) {
    if (block.lows.length === 0) continue
    const key = Number(block.base >> 32n)
    const held = bitmaps.get(key)
    if (held === undefined) bitmaps.set(key, [block])
    else held.push(block)
  }
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(bitmaps.size))
  const parts: Uint8Array[] = [count]
  for (const [key, members] of bitmaps) {
    const keyBytes = Buffer.alloc(4)
    keyBytes.writeUInt32LE(key)
    parts.push(keyBytes, encodeBitmap(members))
  }
  return Buffer.concat(parts)
}

/** One 32-bit bitmap: cookie, run flags, keys and counts, offsets, containers. */
function encodeBitmap(blocks: readonly PositionBlock[]): Uint8Array {
  const containers = blocks.map((block) => encodeContainer(block.lows))
  const hasRuns = containers.some(({ isRun }) => isRun)
  const hasOffsets = !hasRuns || blocks.length >= OFFSETS_FROM_CONTAINERS
  const flagBytes = hasRuns ? Math.ceil(blocks.length / 8) : 4
  const keys = 4 + flagBytes
  const offsets = keys + 4 * blocks.length
  const header = Buffer.alloc(offsets + (hasOffsets ? 4 * blocks.length : 0))
  if (hasRuns) header.writeUInt32LE(COOKIE_WITH_RUNS + (blocks.length - 1) * 0x10000, 0)
  else {
    header.writeUInt32LE(COOKIE_WITHOUT_RUNS, 0)
    header.writeUInt32LE(blocks.length, 4)
  }
  let start = header.length
  for (const [index, { base, lows }] of blocks.entries()) {
    const container = containers[index]
    if (container === undefined) continue
    const flags = 4 + (index >> 3)
    if (container.isRun) header.writeUInt8(header.readUInt8(flags) | (1 << (index & 7)), flags)
    header.writeUInt16LE(Number((base >> 16n) & 0xffffn), keys + 4 * index)
    header.writeUInt16LE(lows.length - 1, keys + 4 * index + 2)
    if (hasOffsets) header.writeUInt32LE(start, offsets + 4 * index)
    start += container.bytes.length
  }
  return Buffer.concat([header, ...containers.map(({ bytes }) => bytes)])
}
