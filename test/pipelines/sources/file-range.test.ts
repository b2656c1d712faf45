import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEngine } from '../../../tables/engine/engine.ts'
import {
  fileRangeOf,
  fileSql,
  isDisjoint,
  isWithin,
  rangedSource,
  withoutRanges,
  type FileRange,
} from '../../../pipelines/sources/file-range.ts'
import { makeScratch } from './kafka-rig.ts'

const LAST_DAY = 9
const day = fc.integer({ min: 0, max: LAST_DAY }).map(BigInt)
const ranges = fc
  .record({
    fromDay: fc.option(day, { nil: undefined }),
    toDay: fc.option(day, { nil: undefined }),
  })
  .filter(({ fromDay, toDay }) => fromDay === undefined || toDay === undefined || fromDay < toDay)

/** The arbiter: every day that there is, those before and behind all of them, and no day at all. */
const places = ['untimed', ...Array.from({ length: LAST_DAY + 3 }, (_, index) => BigInt(index - 1))]

function holds({ fromDay, toDay }: FileRange, place: string | bigint): boolean {
  if (typeof place === 'string') return fromDay === undefined
  return (fromDay === undefined || place >= fromDay) && (toDay === undefined || place < toDay)
}

describe('ranges of files', () => {
  it('leave exactly what the others do not hold, each day once', () => {
    fc.assert(
      fc.property(ranges, fc.array(ranges, { maxLength: 4 }), (range, others) => {
        const rest = withoutRanges(range, others)
        for (const place of places) {
          const isLeft = holds(range, place) && !others.some((other) => holds(other, place))
          expect(rest.filter((one) => holds(one, place)).length).toBe(isLeft ? 1 : 0)
        }
      }),
    )
  })

  it('lie within one another or apart as their days do', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const [ofA, ofB] = [a, b].map((range) => places.filter((place) => holds(range, place)))
        expect(isWithin(a, b)).toBe(ofA?.every((place) => ofB?.includes(place)))
        expect(isDisjoint(a, b)).toBe(!ofA?.some((place) => ofB?.includes(place)))
      }),
    )
  })

  it.each([
    ['file:00ff:12', undefined, undefined, 'file:00ff:12'],
    ['file:00ff:12', 15_985n, 15_987n, 'file:00ff:12@2013-10-07..2013-10-09'],
    ['file:00ff:12:a@1..2:b', 3n, undefined, 'file:00ff:12@1970-01-04..:a@1..2:b'],
    ['file:00ff:12:a@1..2', undefined, 4n, 'file:00ff:12@..1970-01-05:a@1..2'],
    ['file:00ff:12@0123456789ab', undefined, 4n, 'file:00ff:12@0123456789ab@..1970-01-05'],
    ['file:00ff:12@0123456789ab:a', 3n, 4n, 'file:00ff:12@0123456789ab@1970-01-04..1970-01-05:a'],
    ['file:00ff:12@0123456789ab:a', undefined, undefined, 'file:00ff:12@0123456789ab:a'],
    ['file:00ff:12:@1..2', undefined, undefined, 'file:00ff:12:@1..2'],
  ])('of %s from %s to %s have a source of their own', (file, fromDay, toDay, source) => {
    const range = { fromDay, toDay }
    expect(rangedSource(file, range)).toBe(source)
    expect(fileRangeOf(source)).toEqual({ file, range })
  })

  it('are taken off by the engine as they are here', async () => {
    const scratch = makeScratch()
    const engine = await createEngine({ scratchDir: scratch.path })
    const session = await engine.connect()
    const sources = [
      'file:0f:1',
      'file:0f:1@..1970-01-05:e@1..2',
      'file:0f:1@1970-01-04..',
      'file:0f:1@0123456789ab',
      'file:0f:1@0123456789ab@..1970-01-05:a',
      'kafka:a@2',
      'log:x@1..2',
    ]
    const values = sources.map((source) => `('${source}')`).join(', ')
    const rows = await session.rows<{ source: string; file: string }>(
      `SELECT source, ${fileSql('source')} AS file FROM (VALUES ${values}) v(source)`,
    )
    expect(rows).toEqual(sources.map((source) => ({ source, file: fileRangeOf(source).file })))
    session.close()
    await engine.close()
    scratch.remove()
  })
})
