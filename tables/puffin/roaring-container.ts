import { corruptBitmap } from './corrupt-bitmap.ts'

/** Up to this many positions a container without runs is an array, above it a bit set. */
const ARRAY_COUNT_MAX = 4096
const BIT_SET_BYTES = 8192

/** Reads the container at `offset`, which must hold `count` positions. */
export function readContainer(
  view: DataView,
  offset: number,
  count: number,
  isRun: boolean,
): { readonly lows: Uint16Array; readonly end: number } {
  if (isRun) return readRuns(view, offset, count)
  return count <= ARRAY_COUNT_MAX ? readArray(view, offset, count) : readBits(view, offset, count)
}

/** A container in the smallest of its three forms; ties go to the form without runs, as in Java. */
export function encodeContainer(lows: Uint16Array): {
  readonly bytes: Uint8Array
  readonly isRun: boolean
} {
  const runs = runsOf(lows)
  // Java adds the two bytes of a count that an array does not have on disk; so do we, to write
  // the same bytes.
  const plainBytes = lows.length <= ARRAY_COUNT_MAX ? 2 * lows.length + 2 : BIT_SET_BYTES
  if (2 + 4 * runs.length < plainBytes) return { bytes: runBytes(runs), isRun: true }
  return { bytes: lows.length <= ARRAY_COUNT_MAX ? arrayBytes(lows) : bitBytes(lows), isRun: false }
}

function readArray(view: DataView, offset: number, count: number) {
  const lows = new Uint16Array(count)
  let previous = -1
  for (let index = 0; index < count; index += 1) {
    const low = view.getUint16(offset + 2 * index, true)
    if (low <= previous) throw corruptBitmap('the positions of an array do not rise')
    lows[index] = low
    previous = low
  }
  return { lows, end: offset + 2 * count }
}

function readBits(view: DataView, offset: number, count: number) {
  const lows = new Uint16Array(count)
  let found = 0
  for (let word = 0; word < BIT_SET_BYTES / 4; word += 1) {
    let bits = view.getUint32(offset + 4 * word, true)
    while (bits !== 0) {
      const bit = 31 - Math.clz32(bits & -bits)
      if (found < count) lows[found] = 32 * word + bit
      found += 1
      bits &= bits - 1
    }
  }
  if (found !== count) throw corruptBitmap(`a bit set holds ${found} positions instead of ${count}`)
  return { lows, end: offset + BIT_SET_BYTES }
}

function readRuns(view: DataView, offset: number, count: number) {
  const runCount = view.getUint16(offset, true)
  const lows = new Uint16Array(count)
  let found = 0
  let previousEnd = -1
  for (let run = 0; run < runCount; run += 1) {
    const first = view.getUint16(offset + 2 + 4 * run, true)
    const last = first + view.getUint16(offset + 4 + 4 * run, true)
    if (first <= previousEnd || last > 0xffff) throw corruptBitmap('its runs overlap or run over')
    for (let low = first; low <= last; low += 1) {
      if (found < count) lows[found] = low
      found += 1
    }
    previousEnd = last
  }
  if (found !== count) throw corruptBitmap(`runs hold ${found} positions instead of ${count}`)
  return { lows, end: offset + 2 + 4 * runCount }
}

interface Run {
  readonly first: number
  last: number
}

function runsOf(lows: Uint16Array): readonly Run[] {
  const runs: Run[] = []
  for (const low of lows) {
    const run = runs.at(-1)
    if (run !== undefined && run.last + 1 === low) run.last = low
    else runs.push({ first: low, last: low })
  }
  return runs
}

function runBytes(runs: readonly Run[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 + 4 * runs.length))
  view.setUint16(0, runs.length, true)
  for (const [index, { first, last }] of runs.entries()) {
    view.setUint16(2 + 4 * index, first, true)
    view.setUint16(4 + 4 * index, last - first, true)
  }
  return new Uint8Array(view.buffer)
}

function arrayBytes(lows: Uint16Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * lows.length))
  for (const [index, low] of lows.entries()) view.setUint16(2 * index, low, true)
  return new Uint8Array(view.buffer)
}

/** Little-endian words: bit `low` of the set is bit `low % 8` of byte `low / 8`. */
function bitBytes(lows: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(BIT_SET_BYTES)
  for (const low of lows) bytes[low >> 3] = (bytes[low >> 3] ?? 0) | (1 << (low & 7))
  return bytes
}
