import { duckdbDialect, type Dialect } from './dialect.ts'

/**
 * numerator / denominator as decimal(18,8), half away from zero, the same in every engine: decimal
 * division is double in DuckDB and rounds otherwise in Trino, so a double quotient only starts it.
 *
 * For n >= 0: q = n/v as doubles; q += (n − qv)/v; then r = n − qv is exact and small, and the
 * last digit goes up where 2r >= u, down where 2r < −u, with u = v × 0.00000001. Without that
 * last step exact ties go wrong. Negative n is done by its magnitude.
 *
 * Numerator: decimal(38,16) or narrower. Denominator: decimal(38,8) or narrower, > 0, else null.
 */
export function quotientSql(
  numerator: string,
  denominator: string,
  dialect: Dialect = duckdbDialect,
): string {
  const n = `CAST(abs(${numerator}) AS DECIMAL(38, 16))`
  const v = `CAST(CASE WHEN ${denominator} > 0 THEN ${denominator} END AS DECIMAL(38, 8))`
  const asPrice = (value: string): string => `TRY_CAST(${value} AS DECIMAL(18, 8))`
  const asDouble = (value: string): string => `CAST(${value} AS DOUBLE)`
  const times = (price: string): string => dialect.product(price, v)
  const first = asPrice(`${asDouble(n)} / ${asDouble(v)}`)
  const second = asPrice(
    `${first} + ${asPrice(`${asDouble(`(${n} - ${times(first)})`)} / ${asDouble(v)}`)}`,
  )
  const remainder = `(${n} - ${times(second)})`
  const digit = `CAST('0.00000001' AS DECIMAL(18, 8))`
  const unit = times(digit)
  const magnitude =
    `${second} + CASE WHEN ${remainder} + ${remainder} >= ${unit} THEN ${digit} ` +
    `WHEN ${remainder} + ${remainder} < -${unit} THEN -${digit} ELSE ${digit} - ${digit} END`
  return asPrice(`CASE WHEN ${numerator} < 0 THEN -(${magnitude}) ELSE ${magnitude} END`)
}
