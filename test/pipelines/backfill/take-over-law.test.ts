import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import {
  closeLakes,
  contentOf,
  expectSound,
  fileOf,
  folder,
  linesOf,
  openAnother,
  run,
  SYMBOLS,
  takeOver,
  type Piece,
  type Prints,
} from './print-files.ts'

afterEach(closeLakes)
afterAll(() => folder.remove())

/**
 * The arbiter. Of each day of a symbol it knows the sources that count. One that is taken in is
 * added; where it takes over, those go that hold a time between its first and its last.
 */
function createArbiter() {
  const counting = new Map<string, Map<number, Piece>>()
  const touches = (a: Piece, b: Piece) => a.fromHour <= b.toHour && b.fromHour <= a.toHour
  const of = (piece: Piece) => {
    const key = `${piece.symbol} ${piece.day}`
    const day = counting.get(key) ?? new Map<number, Piece>()
    counting.set(key, day)
    return day
  }
  const overlaps = ({ number, pieces }: Prints) =>
    pieces.some((piece) =>
      [...of(piece)].some(([other, held]) => other !== number && touches(piece, held)),
    )
  const add = ({ number, pieces }: Prints) => {
    for (const piece of pieces) {
      for (const [other, held] of [...of(piece)]) {
        if (touches(piece, held)) of(piece).delete(other)
      }
      of(piece).set(number, piece)
    }
  }
  const winners = (all: readonly Prints[]): Prints[] =>
    all.map(({ number, pieces }) => ({
      number,
      pieces: pieces.filter((piece) => of(piece).has(number)),
    }))
  return { overlaps, add, winners }
}

const piece = fc
  .record({
    symbol: fc.constantFrom(...SYMBOLS),
    day: fc.nat(2),
    fromHour: fc.integer({ min: 0, max: 20 }),
    length: fc.integer({ min: 0, max: 12 }),
  })
  .map(({ length, ...rest }) => ({ ...rest, toHour: Math.min(rest.fromHour + length, 23) }))

/** Files of one to four days of symbols each. */
const files = fc.array(
  fc.uniqueArray(piece, {
    minLength: 1,
    maxLength: 4,
    selector: ({ symbol, day }) => `${symbol} ${day}`,
  }),
  { minLength: 2, maxLength: 3 },
)
const calls = fc.array(fc.record({ file: fc.nat(2), takesOver: fc.boolean() }), {
  minLength: 3,
  maxLength: 5,
})

describe('a backfill that takes days over', { timeout: 600_000 }, () => {
  it('leaves of any calls what a plain loop says', async () => {
    const runCount = Number(process.env['SLUICE_LAW_RUNS'] ?? '5')
    await fc.assert(
      fc.asyncProperty(files, calls, async (drawn, called) => {
        const all = drawn.map((pieces, number): Prints => ({ number, pieces }))
        const paths = all.map(fileOf)
        const into = await openAnother()
        const arbiter = createArbiter()
        const taken = new Set<number>()
        for (const { file, takesOver } of called) {
          const number = file % all.length
          const [prints, path] = [all[number], paths[number]]
          if (prints === undefined || path === undefined) throw new RangeError('no such file')
          if (takesOver) {
            await takeOver(into, [path])
            arbiter.add(prints)
          } else if (!taken.has(number) && arbiter.overlaps(prints)) {
            await expect(run(into, [path])).rejects.toThrow(/--take-over/)
            continue
          } else {
            await run(into, [path])
            if (!taken.has(number)) arbiter.add(prints)
          }
          taken.add(number)
        }
        expect(await readContentHashes(into)).toEqual(await contentOf(arbiter.winners(all)))
        const bronze = await readRows(
          into,
          'bronze.trade_messages',
          'SELECT count(*)::INTEGER AS n FROM t',
        )
        const lines = all.filter(({ number }) => taken.has(number)).flatMap(linesOf)
        // The header is a message too, which is ignored.
        expect(bronze).toEqual([{ n: lines.length + taken.size }])
        await expectSound(into)
      }),
      { numRuns: runCount, endOnFailure: true },
    )
  })
})
