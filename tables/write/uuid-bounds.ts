import type { SingleValue } from '../spec/single-value.ts'
import { uuidBytes, uuidText } from '../spec/single-value.ts'

const HALF_BITS = 64n
const HIGH_MAX = 2n ** 64n - 1n
const SIGN_BIT = 2n ** 63n

interface UuidBounds {
  readonly lower: SingleValue | undefined
  readonly upper: SingleValue | undefined
}

/**
 * Bounds that hold in both orders that readers know: bytes as unsigned numbers (the specification,
 * Python) and two signed halves of 64 bits (Java before 1.11). Values whose first bits differ have
 * none, which is usual for random ones. Those that begin with the time get bounds one step of the
 * first half wider: the second half then decides in neither order.
 */
export function uuidBounds(min: SingleValue | undefined, max: SingleValue | undefined): UuidBounds {
  const none: UuidBounds = { lower: undefined, upper: undefined }
  if (typeof min !== 'string' || typeof max !== 'string') return none
  const low = highHalf(min) - 1n
  const high = highHalf(max) + 1n
  const isSameSign = low >= 0n && high <= HIGH_MAX && low < SIGN_BIT === high < SIGN_BIT
  return isSameSign ? { lower: ofHighHalf(low), upper: ofHighHalf(high) } : none
}

function highHalf(text: string): bigint {
  return Buffer.from(uuidBytes(text)).readBigUInt64BE(0)
}

function ofHighHalf(high: bigint): string {
  return uuidText(Buffer.from((high << HALF_BITS).toString(16).padStart(32, '0'), 'hex'))
}
