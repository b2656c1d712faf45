/** Iceberg's default: bounds of texts hold 16 code points, of bytes 16 bytes. */
const BOUND_LENGTH = 16

const LAST_CODE_POINT = 0x10ffff
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** The first 16 code points: never above the text, in the order of UTF-8 bytes. */
export function truncateTextLower(text: string): string {
  return text.length <= BOUND_LENGTH ? text : Array.from(text).slice(0, BOUND_LENGTH).join('')
}

/**
 * The smallest text of at most 16 code points that is not below `text`: the cut prefix with its
 * last code point that can grow raised by one. Undefined where none can grow.
 */
export function truncateTextUpper(text: string): string | undefined {
  const points = Array.from(text)
  if (points.length <= BOUND_LENGTH) return text
  for (let length = BOUND_LENGTH; length > 0; length -= 1) {
    const next = nextCodePoint(points[length - 1] ?? '')
    if (next !== undefined) return points.slice(0, length - 1).join('') + next
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

export function truncateBytesLower(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, BOUND_LENGTH)
}

/** The same for bytes, undefined where the first 16 are all 0xff. */
export function truncateBytesUpper(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length <= BOUND_LENGTH) return bytes
  for (let length = BOUND_LENGTH; length > 0; length -= 1) {
    const last = bytes[length - 1] ?? 0xff
    if (last < 0xff) {
      const upper = bytes.slice(0, length)
      upper[length - 1] = last + 1
      return upper
    }
  }
  return undefined
}
