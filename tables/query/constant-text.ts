import { isLosslessNumber } from 'lossless-json'
import { sqlString } from '../engine/sql-text.ts'
import { isNode, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** Types whose name is all that is to be said of them, as the parser calls them. */
const plainTypes: ReadonlySet<string> = new Set([
  'BOOLEAN',
  'INTEGER',
  'BIGINT',
  'VARCHAR',
  'DATE',
  'TIMESTAMP',
  'TIMESTAMP WITH TIME ZONE',
])

/**
 * A constant as SQL text of the same value and type: a whole number, a decimal, a text, or a text
 * as one of a few types (`DATE '2025-01-02'`). Undefined for all else, whose text only the engine
 * knows. Spares most statements a question to the engine.
 */
export function constantText(expression: SyntaxNode): string | undefined {
  if (expression.type === 'OPERATOR_CAST') return castText(expression)
  const { value } = expression
  if (expression.type !== 'VALUE_CONSTANT' || !isNode(value) || value.is_null !== false) {
    return undefined
  }
  const type = isNode(value.type) ? value.type : {}
  const kind = textOf(type, 'id')
  switch (kind) {
    case 'INTEGER':
    case 'BIGINT': {
      const digits = wholeNumber(value.value)
      return digits === undefined ? undefined : `CAST(${digits} AS ${kind})`
    }
    case 'DECIMAL':
      return decimalText(value.value, type.type_info)
    case 'VARCHAR':
      return typeof value.value === 'string' ? plainText(value.value) : undefined
    default:
      return undefined
  }
}

function castText({ child, cast_type: type, try_cast: isTry }: SyntaxNode): string | undefined {
  if (!isNode(child) || child.type !== 'VALUE_CONSTANT') return undefined
  if (!isNode(type) || type.type_info !== null || isTry !== false) return undefined
  const text = constantText(child)
  const kind = textOf(type, 'id')
  return text === undefined || !plainTypes.has(kind) ? undefined : `CAST(${text} AS ${kind})`
}

/** The parser gives the digits without the point; beyond 18 digits it gives no plain number. */
function decimalText(value: unknown, info: unknown): string | undefined {
  const digits = wholeNumber(value)
  if (digits === undefined || !isNode(info)) return undefined
  const [width, scale] = [wholeNumber(info.width), wholeNumber(info.scale)]
  if (width === undefined || scale === undefined) return undefined
  const fractionLength = Number(scale)
  const sign = digits.startsWith('-') ? '-' : ''
  const all = digits.slice(sign.length).padStart(fractionLength + 1, '0')
  const whole = all.slice(0, all.length - fractionLength)
  const fraction = all.slice(all.length - fractionLength)
  return `CAST('${sign}${whole}.${fraction}' AS DECIMAL(${width}, ${scale}))`
}

/** Numbers of the tree are kept as their texts. */
function wholeNumber(value: unknown): string | undefined {
  const text = isLosslessNumber(value) ? value.value : undefined
  return text !== undefined && /^-?\d{1,19}$/.test(text) ? text : undefined
}

/** The engine's own texts end at a zero character. */
function plainText(text: string): string | undefined {
  return text.includes('\0') ? undefined : sqlString(text)
}
