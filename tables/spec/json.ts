import { parse as parseLossless } from 'lossless-json'
import { SluiceError } from '../errors.ts'

/** A character of Unicode's private use area: marks a number that waits to become a bigint. */
const MARK = '\uF8FF'
const escapedMark = /\\u[fF]8[fF]{2}/
const longDigits = /[1-9]\d{15,}/g

/**
 * Parses JSON; an integer literal beyond 2^53 becomes a `bigint`, every other number a `number`.
 * Snapshot ids are 63 random bits, and `JSON.parse` would round them without a word.
 *
 * The text goes through the native parser with such integers put in quotes, which is several times
 * faster than a parser in JavaScript. Throws `corrupt-data`.
 */
export function parseJson(text: string): unknown {
  try {
    if (text.includes(MARK) || escapedMark.test(text)) return parseSlowly(text)
    const marked = markBigIntegers(text)
    return marked === text ? JSON.parse(text) : reviveMarked(JSON.parse(marked))
  } catch (error) {
    throw new SluiceError('corrupt-data', 'The text is not valid JSON. Nothing was read from it.', {
      cause: error,
    })
  }
}

/** JSON text; a `bigint` becomes a bare number. Undefined members are left out. */
export function stringifyJson(value: unknown): string {
  return textOf(value) ?? 'null'
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item) ?? 'null').join(',')}]`
  const members: string[] = []
  for (const [key, member] of Object.entries(value)) {
    const text = textOf(member)
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${members.join(',')}}`
}

/** Puts `"MARK…"` around each integer literal that a double cannot hold. */
function markBigIntegers(text: string): string {
  const parts: string[] = []
  let copied = 0
  const isInString = createStringTracker(text)
  for (const match of text.matchAll(longDigits)) {
    const end = match.index + match[0].length
    const start = text[match.index - 1] === '-' ? match.index - 1 : match.index
    if (!isWholeLiteral(text, start, end)) continue
    if (Number.isSafeInteger(Number(match[0])) || isInString(start)) continue
    parts.push(text.slice(copied, start), '"', MARK, text.slice(start, end), '"')
    copied = end
  }
  if (copied === 0) return text
  parts.push(text.slice(copied))
  return parts.join('')
}

/** No fraction, no exponent, and not the tail of a longer literal. */
function isWholeLiteral(text: string, start: number, end: number): boolean {
  return (
    (start === 0 || /[\s,:[]/.test(text.charAt(start - 1))) &&
    (end === text.length || /[\s,}\]]/.test(text.charAt(end)))
  )
}

/** Answers, for rising positions, whether a position lies inside a string literal. */
function createStringTracker(text: string): (position: number) => boolean {
  let isInside = false
  let next = text.indexOf('"')
  return (position) => {
    while (next !== -1 && next < position) {
      if (!isInside || !isEscaped(text, next)) isInside = !isInside
      next = text.indexOf('"', next + 1)
    }
    return isInside
  }
}

function isEscaped(text: string, quote: number): boolean {
  let first = quote
  while (text[first - 1] === '\\') first -= 1
  return (quote - first) % 2 === 1
}

function reviveMarked(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.startsWith(MARK) ? BigInt(value.slice(1)) : value
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = reviveMarked(value[index])
  } else if (typeof value === 'object' && value !== null) {
    const members = value as Record<string, unknown>
    for (const key in members) {
      const member = members[key]
      if (typeof member === 'string' || typeof member === 'object') {
        members[key] = reviveMarked(member)
      }
    }
  }
  return value
}

/** For the text that holds the mark itself, where quoting could be mistaken. */
function parseSlowly(text: string): unknown {
  return parseLossless(text, null, (literal) => {
    const number = Number(literal)
    const isBig = /^-?\d+$/.test(literal) && !Number.isSafeInteger(number)
    return isBig ? BigInt(literal) : number
  })
}
