/**
 * A product in Trino, exactly: see Dialect.product. Where the digits of both sides may be more
 * than 38, Trino cuts decimals off the result, down to six. So whole numbers are multiplied: the
 * point is taken out of both texts, and set again by an exponent, which the cast reads exactly.
 * Each side stands here once only, as Trino limits how large an expression may be.
 */
export function trinoProduct(left: string, right: string): string {
  const whole = (value: string): string =>
    `CAST(replace(CAST(CAST(${value} AS DECIMAL(38, 8)) AS varchar), '.', '') AS DECIMAL(38, 0))`
  return `CAST(CAST(${whole(left)} * ${whole(right)} AS varchar) || 'E-16' AS DECIMAL(38, 16))`
}
