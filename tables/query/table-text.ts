/** Where a reference to a table lies in the text of a statement. */
export interface TableText {
  /** The qualified name: from, until (exclusive). */
  readonly name: readonly [number, number]
  readonly hasAlias: boolean
  /** The AT clause with its brackets, where there is one. */
  readonly at: readonly [number, number] | undefined
}

/**
 * Reads `name [[AS] alias [(columns)]] [AT (…)]` from a place in a text that the engine's parser
 * has already taken. Undefined where the text is not of that form.
 */
export function readTableText(sql: string, start: number): TableText | undefined {
  const nameEnd = readQualifiedName(sql, start)
  if (nameEnd === undefined) return undefined
  const direct = readAt(sql, nameEnd)
  if (direct !== undefined) return { name: [start, nameEnd], hasAlias: false, at: direct }
  const aliasEnd = readAlias(sql, nameEnd)
  if (aliasEnd === undefined) return { name: [start, nameEnd], hasAlias: false, at: undefined }
  return { name: [start, nameEnd], hasAlias: true, at: readAt(sql, aliasEnd) }
}

function readQualifiedName(sql: string, start: number): number | undefined {
  let end = readName(sql, start)
  while (end !== undefined) {
    const dot = skipBlank(sql, end)
    if (sql[dot] !== '.') return end
    end = readName(sql, skipBlank(sql, dot + 1))
  }
  return undefined
}

function readAlias(sql: string, from: number): number | undefined {
  let next = skipBlank(sql, from)
  if (isWord(sql, next, 'as')) next = skipBlank(sql, next + 2)
  const end = readName(sql, next)
  if (end === undefined) return undefined
  const columns = skipBlank(sql, end)
  return sql[columns] === '(' ? (closingBracket(sql, columns) ?? end) : end
}

function readAt(sql: string, from: number): readonly [number, number] | undefined {
  const at = skipBlank(sql, from)
  if (!isWord(sql, at, 'at')) return undefined
  const open = skipBlank(sql, at + 2)
  const end = sql[open] === '(' ? closingBracket(sql, open) : undefined
  return end === undefined ? undefined : [at, end]
}

function isWord(sql: string, at: number, word: string): boolean {
  const end = at + word.length
  return sql.slice(at, end).toLowerCase() === word && !/[\w$\u0080-\uffff]/.test(sql[end] ?? ' ')
}

/** End of a plain or quoted identifier. */
function readName(sql: string, start: number): number | undefined {
  const rest = sql.slice(start)
  const match = /^(?:"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/.exec(rest)
  return match === null ? undefined : start + match[0].length
}

/** The place after the bracket that closes the one at `open`. */
function closingBracket(sql: string, open: number): number | undefined {
  let depth = 0
  for (let at = open; at < sql.length;) {
    const after = skipToken(sql, at)
    if (sql[at] === '(') depth += 1
    if (sql[at] === ')') depth -= 1
    if (depth === 0) return after
    at = after
  }
  return undefined
}

/** A text, a quoted name or a comment as a whole, else one character. */
function skipToken(sql: string, at: number): number {
  const quoted = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*")/.exec(sql.slice(at))
  if (quoted !== null) return at + quoted[0].length
  const comment = skipComment(sql, at)
  return comment === at ? at + 1 : comment
}

function skipBlank(sql: string, from: number): number {
  let at = from
  for (;;) {
    const next = /\s/.test(sql[at] ?? '') ? at + 1 : skipComment(sql, at)
    if (next === at) return at
    at = next
  }
}

function skipComment(sql: string, at: number): number {
  const match = /^(?:--[^\n]*|\/\*[\s\S]*?\*\/)/.exec(sql.slice(at))
  return match === null ? at : at + match[0].length
}
