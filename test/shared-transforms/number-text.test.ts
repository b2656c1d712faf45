import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duckdbDialect as dialect } from '../../shared-transforms/dialect.ts'
import {
  isRoundedSql,
  plainNumberSql,
  priceSql,
  quantitySql,
} from '../../shared-transforms/number-text.ts'
import { deriveMessages, decodedRows } from './decode-messages.ts'
import { stockTrade } from './messages.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

/** The reference: a number text in units of 1e-8, half away from zero. */
function reference(text: string): { unscaled: bigint; isRounded: boolean } {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (match === null) throw new Error(`${text} is no number`)
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const shift = Number(exponent) - fraction.length + 8
  const digits = BigInt(whole + fraction)
  const magnitude = shift >= 0 ? digits * 10n ** BigInt(shift) : undefined
  if (magnitude !== undefined) return { unscaled: sign ? -magnitude : magnitude, isRounded: false }
  const divisor = 10n ** BigInt(-shift)
  const rounded = (digits * 2n + divisor) / (2n * divisor)
  return { unscaled: sign ? -rounded : rounded, isRounded: digits % divisor !== 0n }
}

function decimalText(unscaled: bigint): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(9, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`
}

/** Value within a decimal(precision,8), else null: what the cast has to give. */
function fitting(unscaled: bigint, precision: number): string | null {
  const magnitude = unscaled < 0n ? -unscaled : unscaled
  return magnitude < 10n ** BigInt(precision) ? decimalText(unscaled) : null
}

async function readAll(texts: readonly string[]) {
  await session.load(
    'texts',
    'position INTEGER, text VARCHAR',
    texts.map((text, position) => [position, text]),
  )
  return session.rows(
    `SELECT ${priceSql('plain')} AS price, ${quantitySql('plain')} AS quantity, ` +
      `${isRoundedSql('plain', dialect)} AS is_rounded FROM ` +
      `(SELECT *, ${plainNumberSql('text', dialect)} AS plain FROM texts) ORDER BY position`,
  )
}

function expected(text: string) {
  const { unscaled, isRounded } = reference(text)
  return { price: fitting(unscaled, 18), quantity: fitting(unscaled, 28), is_rounded: isRounded }
}

const digitText = (min: number, max: number) =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max })
    .map((digits) => digits.join(''))
const sign = fc.constantFrom('', '-')
const exponent = fc.oneof(
  fc.constant(''),
  fc
    .tuple(fc.constantFrom('e', 'E', 'e+', 'E-', 'e-'), fc.integer({ min: 0, max: 45 }))
    .map(([letter, size]) => `${letter}${size}`),
)
const anyNumber = fc
  .tuple(sign, digitText(1, 28), fc.option(digitText(1, 28)), exponent)
  .map(([s, whole, fraction, e]) => `${s}${whole}${fraction === null ? '' : `.${fraction}`}${e}`)
/** Exactly between two values of the last decimal, or one digit beside it. */
const tie = fc
  .tuple(sign, digitText(1, 12), digitText(8, 8), fc.constantFrom('5', '50', '49', '51', '500001'))
  .map(([s, whole, fraction, rest]) => `${s}${whole}.${fraction}${rest}`)

describe('numbers', () => {
  it('of 1 to 28 digits with any exponent equal the BigInt reference', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.oneof(anyNumber, tie), { minLength: 60, maxLength: 60 }),
      async (texts) => {
        expect(await readAll(texts)).toEqual(texts.map(expected))
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })

  it.each([
    '0.000000005',
    '-0.000000005',
    '0.0000000049999999999999999999999',
    '9999999999.999999994',
    '9999999999.999999995',
    '99999999999999999999.999999995',
    '0.00000000000000000000000001e20',
    '5e-9',
    '49e-10',
    '1e-400',
    '-0e5',
    '0e999',
    '000000000000000000000000000000001.5',
    `1${'0'.repeat(60)}e-60`,
    `0.${'0'.repeat(60)}1e61`,
  ])('read %s exactly', async (text) => {
    expect(await readAll([text])).toEqual([expected(text)])
  })

  it('far beyond every bound are null, and no error', async () => {
    const texts = ['1e999999999999999999999', '1e400', '9'.repeat(5000), `1${'0'.repeat(99)}e-50`]
    const rows = await readAll(texts)
    expect(rows.map((row) => row['quantity'])).toEqual([null, null, null, null])
  })

  it('read alike whether the JSON has them in quotes or bare', async () => {
    const property = fc.asyncProperty(
      fc.array(jsonNumber, { minLength: 40, maxLength: 40 }),
      async (texts) => {
        await deriveMessages(
          session,
          'stock-json',
          texts.flatMap((text) => [
            { payload: stockTrade({ price: `"${text}"`, volume: '1' }) },
            { payload: stockTrade({ price: text, volume: '1' }) },
          ]),
        )
        const rows = await decodedRows(session, 'trade')
        const prices = rows.map(({ price, reason, is_rounded }) => ({ price, reason, is_rounded }))
        expect(prices).toEqual(texts.flatMap((text) => [verdict(text), verdict(text)]))
      },
    )
    await fc.assert(property, { numRuns: 30 })
  })
})

/** JSON allows no leading zeros. */
const jsonNumber = fc
  .tuple(sign, fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.option(digitText(1, 28)), exponent)
  .map(([s, whole, fraction, e]) => `${s}${whole}${fraction === null ? '' : `.${fraction}`}${e}`)

function verdict(text: string) {
  const { unscaled, isRounded } = reference(text)
  const isInRange = unscaled > 0n && unscaled < 10n ** 17n
  return {
    price: fitting(unscaled, 18),
    reason: isInRange ? null : 'out-of-range',
    is_rounded: isRounded,
  }
}
