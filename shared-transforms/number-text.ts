import type { Dialect } from './dialect.ts'

/**
 * Exact numbers from text, as SQL expressions. A number never goes through double: text with at
 * most 15 significant digits and text with 28 are read alike.
 */
const NUMBER = '^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?\\z'

/** More zeros than any bound leaves room for: what is cut off there cannot change the value. */
const MAX_ZEROS = 40

/**
 * The number as plain digits without an exponent; null where the text is null or no number.
 * Casts to decimal read exponents wrongly in DuckDB (0.000…01e20 becomes 0), so it is resolved
 * here. A number too large for any bound becomes digits that no cast accepts.
 */
export function plainNumberSql(text: string, dialect: Dialect): string {
  return (
    `CASE WHEN ${text} IS NULL OR NOT ${dialect.matches(text, NUMBER)} THEN NULL ` +
    `WHEN strpos(${text}, 'e') = 0 AND strpos(${text}, 'E') = 0 THEN ${text} ` +
    `ELSE ${withoutExponentSql(text, dialect)} END`
  )
}

function withoutExponentSql(text: string, { letIn }: Dialect): string {
  const whole = `regexp_extract(number_text, '^-?([0-9]+)', 1)`
  const digits = `${whole} || coalesce(regexp_extract(number_text, '\\.([0-9]+)', 1), '')`
  const significant = `ltrim(digits, '0')`
  const exponentText = `regexp_extract(number_text, '[eE][+]?(-?[0-9]+)', 1)`
  // An exponent of more than 18 digits is as good as ±1e9: no payload has so many digits.
  const exponent =
    `greatest(-1000000000, least(1000000000, coalesce(TRY_CAST(${exponentText} AS BIGINT), ` +
    `CASE WHEN strpos(${exponentText}, '-') > 0 THEN -1000000000 ELSE 1000000000 END)))`
  const sign = `CASE WHEN substr(number_text, 1, 1) = '-' THEN '-' ELSE '' END`
  const plain =
    `${sign} || CASE WHEN ${significant} = '' THEN '0' ` +
    `WHEN point <= 0 THEN '0.' || ${zerosSql('-point')} || digits ` +
    `WHEN point < length(digits) THEN substr(digits, 1, ${integer('point')}) || '.' || ` +
    `substr(digits, ${integer('point + 1')}) ` +
    `WHEN length(${significant}) > ${MAX_ZEROS} THEN ${significant} ` +
    `ELSE ${significant} || ${zerosSql('point - length(digits)')} END`
  const inDigits = letIn('point', `length(${whole}) + ${exponent}`, plain)
  return letIn('number_text', text, letIn('digits', digits, inDigits))
}

function zerosSql(count: string): string {
  const zeros = '0'.repeat(MAX_ZEROS)
  return `substr('${zeros}', 1, ${integer(`least(${count}, ${MAX_ZEROS})`)})`
}

function integer(expression: string): string {
  return `CAST(${expression} AS INTEGER)`
}

/** decimal(18,8) of a plain number, half away from zero; null at 1e10 and beyond. */
export function priceSql(plain: string): string {
  return `TRY_CAST(${plain} AS DECIMAL(18, 8))`
}

/**
 * decimal(28,8) of a plain number, half away from zero; null at 1e20 and beyond. The cast from
 * text is 200 times slower than the one to decimal(18,8), so it is kept for what needs it.
 */
export function quantitySql(plain: string): string {
  return (
    `coalesce(CAST(TRY_CAST(${plain} AS DECIMAL(18, 8)) AS DECIMAL(28, 8)), ` +
    `TRY_CAST(${plain} AS DECIMAL(28, 8)))`
  )
}

/** Whether rounding to 8 decimals changes a plain number. Never null. */
export function isRoundedSql(plain: string, dialect: Dialect): string {
  // CASE and not AND: only what has more than 8 decimals pays for the pattern.
  return (
    `CASE WHEN strpos(${plain}, '.') > 0 AND length(${plain}) - strpos(${plain}, '.') > 8 ` +
    `THEN ${dialect.matches(plain, '\\.[0-9]{8}[0-9]*[1-9]')} ELSE false END`
  )
}
