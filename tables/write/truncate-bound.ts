/** Iceberg's default: bounds of texts hold 16 code points, of bytes 16 bytes. */
export const DEFAULT_BOUND_LENGTH = 16

const LAST_CODE_POINT = 0x10ffff
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** The first code points: never above the text, in the order of UTF-8 bytes. */
export function truncateTextLower(text: string, length = DEFAULT_BOUND_LENGTH): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('')
}

/**
 * The smallest text of at most so many code points that is not below `text`: the cut prefix with
 * its last code point that can grow raised by one. Undefined where none can grow.
 */
export function truncateTextUpper(text: string, length = DEFAULT_BOUND_LENGTH): string | undefined {
  const points = Array.from(text)
  if (points.length <= length) return text
  for (let kept = length; kept > 0; kept -= 1) {
    const next = nextCodePoint(points[kept - 1] ?? '')
    if (next !== undefined) return points.slice(0, kept - 1).join('') + next
  }
  return undefined
}

function nextCodePoint(point: string): string | undefined {
  const code = point.codePointAt(0) ?? LAST_CODE_POINT
  if (code >= LAST_CODE_POINT) return undefined
  // Surrogates are no characters: UTF-8 cannot hold them.
  const next =
    code + 1 >= FIRST_SURROGATE && code + 1 <= LAST_SURROGATE ? LAST_SURROGATE + 1 : code + 1
  return String.fromCodePoint(next)
}

export function truncateBytesLower(bytes: Uint8Array, length = DEFAULT_BOUND_LENGTH): Uint8Array {
  return bytes.subarray(0, length)
}

/** The same for bytes, undefined where all that is kept is 0xff. */
export function truncateBytesUpper(
  bytes: Uint8Array,
  length = DEFAULT_BOUND_LENGTH,
): Uint8Array | undefined {
  if (bytes.length <= length) return bytes
  for (let kept = length; kept > 0; kept -= 1) {
    const last = bytes[kept - 1] ?? 0xff
    if (last < 0xff) {
      const upper = bytes.slice(0, kept)
      upper[kept - 1] = last + 1
      return upper
    }
  }
  return undefined
}
