import fc from 'fast-check'

const wanted = process.env.SLUICE_FUZZ_RUNS

/**
 * How often each kind is broken: a few damages that are the same in each run of the tests, or as
 * many as SLUICE_FUZZ_RUNS says, new ones each time, to look for what the tests do not know yet.
 */
export function fuzzSettings(factor = 1): { readonly numRuns: number; readonly seed?: number } {
  return wanted === undefined
    ? { numRuns: 40 * factor, seed: 20_261_121 }
    : { numRuns: Number(wanted) * factor }
}

/** What happens to a file. Places are parts of its length, so that they fit any file. */
export type Damage =
  | { readonly kind: 'empty' }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'flip-bit'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set-byte'; readonly at: number; readonly value: number }
  | { readonly kind: 'zero'; readonly at: number; readonly length: number }
  | { readonly kind: 'append'; readonly bytes: Uint8Array }
  /** The content of another file of the table, which is of another kind. */
  | { readonly kind: 'swap'; readonly pick: number }

/** Any place is as likely as any other: the borders are no more worth than the middle. */
const at = fc
  .noBias(fc.integer({ min: 0, max: 999_999 }))
  .map((millionths) => millionths / 1_000_000)

export const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  fc.constant<Damage>({ kind: 'empty' }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('flip-bit' as const),
      at,
      bit: fc.integer({ min: 0, max: 7 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('set-byte' as const),
      at,
      value: fc.integer({ min: 0, max: 255 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('zero' as const),
      at,
      length: fc.integer({ min: 1, max: 400 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('swap' as const), pick: fc.nat() }) },
)

/** The damaged bytes; `others` are the files of other kinds, at least one. */
export function damaged(
  bytes: Uint8Array,
  damage: Damage,
  others: readonly Uint8Array[],
): Uint8Array {
  const copy = Uint8Array.from(bytes)
  switch (damage.kind) {
    case 'empty':
      return new Uint8Array()
    case 'truncate':
      return copy.subarray(0, Math.floor(damage.at * copy.length))
    case 'append':
      return Buffer.concat([copy, damage.bytes])
    case 'swap':
      return others[damage.pick % others.length] ?? new Uint8Array()
    case 'flip-bit': {
      const place = Math.floor(damage.at * copy.length)
      copy[place] = (copy[place] ?? 0) ^ (1 << damage.bit)
      return copy
    }
    case 'set-byte':
      copy[Math.floor(damage.at * copy.length)] = damage.value
      return copy
    case 'zero': {
      const place = Math.floor(damage.at * copy.length)
      return copy.fill(0, place, place + damage.length)
    }
  }
}
