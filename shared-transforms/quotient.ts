import { duckdbDialect, type Dialect } from './dialect.ts'

/**
 * numerator / denominator as decimal(18,8), half away from zero, the same in every engine: decimal
 * division is double in DuckDB and rounds otherwise in Trino, so a double quotient only starts it.
 *
 * For n >= 0: q = n/v as doubles; q += (n − qv)/v; then r = n − qv is exact and small, and the
 * last digit goes up where 2r >= u, down where 2r < −u, with u = v × 0.00000001. Without that
 * last step exact ties go wrong. Negative n is done by its magnitude. Below, `quotient_s` is n with
 * its sign, and `quotient_f` the first q.
 *
 * Numerator: decimal(38,16) or narrower. Denominator: decimal(38,8) or narrower, > 0, else null.
 */
export function quotientSql(
  numerator: string,
  denominator: string,
  dialect: Dialect = duckdbDialect,
): string {
  const asPrice = (value: string): string => `TRY_CAST(${value} AS DECIMAL(18, 8))`
  const asDouble = (value: string): string => `CAST(${value} AS DOUBLE)`
  const divided = (value: string): string => `${asDouble(value)} / ${asDouble('quotient_v')}`
  const times = (price: string): string => dialect.product(price, 'quotient_v')
  const digit = `CAST('0.00000001' AS DECIMAL(18, 8))`
  const steps: readonly (readonly [name: string, value: string])[] = [
    ['quotient_s', `CAST(${numerator} AS DECIMAL(38, 16))`],
    ['quotient_v', `CAST(CASE WHEN ${denominator} > 0 THEN ${denominator} END AS DECIMAL(38, 8))`],
    ['quotient_n', 'abs(quotient_s)'],
    ['quotient_f', asPrice(divided('quotient_n'))],
    [
      'quotient_q',
      asPrice(`quotient_f + ${asPrice(divided(`(quotient_n - ${times('quotient_f')})`))}`),
    ],
    ['quotient_r', `quotient_n - ${times('quotient_q')}`],
  ]
  const magnitude =
    `quotient_q + CASE WHEN quotient_r + quotient_r >= ${times(digit)} THEN ${digit} ` +
    `WHEN quotient_r + quotient_r < -${times(digit)} THEN -${digit} ELSE ${digit} - ${digit} END`
  return steps.reduceRight(
    (expression, [name, value]) => dialect.letOften(name, value, expression),
    asPrice(`CASE WHEN quotient_s < 0 THEN -(${magnitude}) ELSE ${magnitude} END`),
  )
}
