import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duckdbDialect as dialect } from '../../shared-transforms/dialect.ts'
import {
  epochMsUsSql,
  inRangeSql,
  isoTimeUsSql,
  MAX_EVENT_US,
} from '../../shared-transforms/time-text.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

async function readTimes(
  texts: readonly string[],
  toUs: (text: string) => string,
): Promise<unknown[]> {
  await session.load(
    'texts',
    'position INTEGER, text VARCHAR',
    texts.map((text, position) => [position, text]),
  )
  const rows = await session.rows(
    `SELECT ${inRangeSql('us')} AS us FROM (SELECT position, ${toUs('text')} AS us FROM texts) ` +
      'ORDER BY position',
  )
  return rows.map((row) => row['us'])
}

const isoTime = (text: string): string => isoTimeUsSql(text, dialect)

/** Any instant of 1970-2199 as the clock of an offset shows it, with up to 12 digits. */
const instant = fc.record({
  us: fc.bigInt({ min: 0n, max: MAX_EVENT_US - 1n }),
  offsetMinutes: fc.constantFrom(0, 0, 60, -300, 330, -210, 840, -840, 1),
  digits: fc.constantFrom(0, 3, 6, 7, 9, 12),
  separator: fc.constantFrom('T', ' '),
  hasColon: fc.boolean(),
})

function write(time: {
  us: bigint
  offsetMinutes: number
  digits: number
  separator: string
  hasColon: boolean
}): { text: string; us: bigint } {
  const { us, offsetMinutes, digits, separator, hasColon } = time
  const local = new Date(Number(us / 1000n) + offsetMinutes * 60_000).toISOString()
  const fraction = (us % 1_000_000n).toString().padStart(6, '0').padEnd(12, '9').slice(0, digits)
  const size = Math.abs(offsetMinutes)
  const two = (value: number): string => String(value).padStart(2, '0')
  const zone =
    offsetMinutes === 0
      ? 'Z'
      : `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}` +
        `${hasColon ? ':' : ''}${two(size % 60)}`
  const seen = digits >= 6 ? us : us - (us % 10n ** BigInt(6 - digits))
  return {
    text: `${local.slice(0, 10)}${separator}${local.slice(11, 19)}${digits ? '.' : ''}${fraction}${zone}`,
    us: seen,
  }
}

describe('ISO times', () => {
  it('of every offset and precision are the instant, digits past the microsecond cut off', async () => {
    const property = fc.asyncProperty(
      fc.array(instant, { minLength: 80, maxLength: 80 }),
      async (times) => {
        const written = times.map(write)
        const texts = written.map(({ text }) => text)
        expect(await readTimes(texts, isoTime)).toEqual(written.map(({ us }) => String(us)))
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })

  it('know leap years, and both ends of the range', async () => {
    const texts = [
      '2024-02-29T00:00:00Z',
      '2023-02-29T00:00:00Z',
      '2100-02-29T00:00:00Z',
      '1970-01-01T00:00:00Z',
      '2199-12-31T23:59:59.999999999Z',
      '2200-01-01T00:00:00+00:01',
    ]
    expect(await readTimes(texts, isoTime)).toEqual([
      '1709164800000000',
      null,
      null,
      '0',
      '7258118399999999',
      '7258118340000000',
    ])
  })
})

describe('epoch milliseconds', () => {
  it('are whole, not negative, and within 1970-2200', async () => {
    const texts = ['0', '1736937000000', '7258118399999', '7258118400000', '-1', '1.5', '', '9e3']
    const read = await readTimes(texts, (text) => epochMsUsSql(text, dialect))
    expect(read).toEqual([
      '0',
      '1736937000000000',
      '7258118399999000',
      ...[null, null, null, null, null],
    ])
  })
})
