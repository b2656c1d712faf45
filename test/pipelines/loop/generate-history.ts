import fc from 'fast-check'

/** A number as a message writes it: up to 28 digits, `point` of them before the decimal point. */
export interface WrittenNumber {
  readonly text: string
  readonly isQuoted: boolean
}

/** What happens at one place of a history; `of` counts back from the newest that is there. */
export type Happening =
  | StockTrade
  | { readonly what: 'quote'; readonly symbol: number; readonly afterMs: number }
  | { readonly what: 'repeat'; readonly of: number; readonly isElsewhere: boolean }
  | { readonly what: 'conflict'; readonly of: number; readonly isElsewhere: boolean }
  | { readonly what: 'reused-id'; readonly of: number }
  | { readonly what: 'frame-trade'; readonly afterMs: number; readonly step: FrameStep }
  | { readonly what: 'book-ticker'; readonly afterMs: number }
  | { readonly what: 'repeated-book-ticker'; readonly of: number; readonly changes: boolean }
  | { readonly what: 'lean-print'; readonly copies: number; readonly behindMs: number }
  | { readonly what: 'hole'; readonly dayCount: number }
  | { readonly what: 'broken'; readonly symbol: number }
  | { readonly what: 'kline'; readonly symbol: number; readonly minutesAgo: number }

/** A trade of a stock, its time `behindMs` behind the time at which it comes; below 0: ahead. */
export interface StockTrade {
  readonly what: 'trade'
  readonly symbol: number
  readonly afterMs: number
  readonly behindMs: number
  readonly price: WrittenNumber
  readonly quantity: WrittenNumber
  /** Of the time's text, in minutes; undefined: it ends in `Z`. */
  readonly zoneMinutes: number | undefined
}

/** The venue's next number, one after a gap, from 1 again, or one that was left out before. */
export type FrameStep = 'next' | 'gap' | 'restart' | 'late'

/** A history: what happens, and over which parts it comes in. */
export interface GeneratedHistory {
  readonly happenings: readonly Happening[]
  /** Symbols are spread over so many Kafka partitions. */
  readonly partitionCount: number
  /** Frames and ticks beside the stocks. */
  readonly hasOtherSources: boolean
  /** A partition that never holds a message. */
  readonly hasDeadPart: boolean
  /**
   * Conflicting rows come in another part than the row that they conflict with. Which one stays
   * hangs on the order over parts then, and the law promises the identities alone.
   */
  readonly hasRivals: boolean
}

/** Bands of lateness, ms. */
export const lateBands = {
  seconds: { min: 10_001, max: 60_000 },
  minutes: { min: 70_000, max: 3_600_000 },
  hours: { min: 3_600_001, max: 72_000_000 },
  days: { min: 86_400_001, max: 1_700_000_000 },
  months: { min: 3_500_000_000, max: 10_000_000_000 },
} as const

function numbers(integerDigits: number): fc.Arbitrary<WrittenNumber> {
  const digits = fc.noBias(fc.bigInt({ min: 0n, max: 10n ** 28n - 1n }))
  return fc
    .record({
      digits,
      length: fc.noBias(fc.integer({ min: 1, max: 28 })),
      point: fc.integer({ min: 1, max: integerDigits }),
      isQuoted: fc.boolean(),
    })
    .map(({ digits, length, point, isQuoted }) => {
      const all = digits.toString().padStart(28, '0').replace(/^0/, '1').slice(0, length)
      const rest = all.slice(point)
      return { text: all.slice(0, point) + (rest === '' ? '' : `.${rest}`), isQuoted }
    })
}

const afterMs = fc.oneof(fc.constant(0), fc.nat(4_000), fc.nat(20_000))
/** One of the newest, or any. */
const of = fc.oneof(fc.nat(4), fc.nat(25), fc.nat())
const ZONES = [undefined, undefined, undefined, 0, 330, -480, 845]

const trade = (weight: number, behindMs: fc.Arbitrary<number>) => ({
  weight,
  arbitrary: fc.record({
    what: fc.constant('trade' as const),
    symbol: fc.nat(2),
    afterMs,
    behindMs,
    // The product of the two stays within the contract's bounds.
    price: numbers(5),
    quantity: numbers(7),
    zoneMinutes: fc.constantFrom(...ZONES),
  }),
})

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    trade(10, fc.constant(0)),
    ...Object.values(lateBands).map((band) => trade(2, fc.integer(band))),
    trade(2, fc.integer({ min: -60_000, max: -1 })),
    trade(1, fc.integer({ min: -100_000_000, max: -60_001 })),
    {
      weight: 3,
      arbitrary: fc.record({ what: fc.constant('quote' as const), symbol: fc.nat(2), afterMs }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        what: fc.constantFrom('repeat' as const, 'conflict' as const),
        of,
        isElsewhere: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constant('reused-id' as const), of }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        what: fc.constant('frame-trade' as const),
        afterMs,
        step: fc.constantFrom<FrameStep>('next', 'next', 'gap', 'gap', 'late', 'restart'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ what: fc.constant('book-ticker' as const), afterMs }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constant('repeated-book-ticker' as const),
        of,
        changes: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constant('lean-print' as const),
        copies: fc.integer({ min: 2, max: 5 }),
        behindMs: fc.constantFrom(0, 1000, 30_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constant('hole' as const),
        dayCount: fc.integer({ min: 40, max: 120 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ what: fc.constant('broken' as const), symbol: fc.nat(2) }),
    },
    {
      // Of minutes with trades and without, of one minute more than once, agreeing or not.
      weight: 4,
      arbitrary: fc.record({
        what: fc.constant('kline' as const),
        symbol: fc.nat(2),
        minutesAgo: fc.oneof(fc.nat(2), fc.nat(1500)),
      }),
    },
  ),
  { minLength: 50, maxLength: 90, size: 'max' },
)

export const generatedHistories: fc.Arbitrary<GeneratedHistory> = fc.record({
  happenings,
  partitionCount: fc.constantFrom(1, 2, 2, 3, 3),
  hasOtherSources: fc.constantFrom(true, true, false),
  hasDeadPart: fc.boolean(),
  hasRivals: fc.constantFrom(true, false, false, false),
})
