/** What a line completed: a statement without its semicolon, or a command that begins with a dot. */
export type FeedEntry =
  | { readonly kind: 'statement'; readonly sql: string }
  | { readonly kind: 'command'; readonly words: readonly string[] }

/** Collects lines until statements are whole. */
export interface StatementFeed {
  /** Takes one line, without its end, and answers what it completed. */
  line(text: string): readonly FeedEntry[]
  /** The statement that has not ended yet; empty where there is none. */
  rest(): string
  clear(): void
}

/**
 * A statement ends at a semicolon that stands in no text, quoted name or comment; a line that
 * begins with a dot where no statement is open is a command.
 */
export function createStatementFeed(): StatementFeed {
  let open = ''
  return {
    line: (text) => {
      if (isBlank(open) && text.trimStart().startsWith('.')) {
        return [{ kind: 'command', words: text.trim().split(/\s+/) }]
      }
      const { statements, rest } = splitStatements(`${open}${text}\n`)
      open = rest
      return statements.filter((sql) => !isBlank(sql)).map((sql) => ({ kind: 'statement', sql }))
    },
    rest: () => (isBlank(open) ? '' : open),
    clear: () => {
      open = ''
    },
  }
}

/** The whole statements of a text, without their semicolons, and what is left after the last. */
function splitStatements(text: string): {
  readonly statements: readonly string[]
  readonly rest: string
} {
  const statements: string[] = []
  let start = 0
  let at = 0
  while (at < text.length) {
    if (text[at] === ';') {
      statements.push(text.slice(start, at))
      start = at + 1
    }
    at = tokenEnd(text, at)
  }
  return { statements, rest: text.slice(start) }
}

/** White space and comments alone. */
function isBlank(text: string): boolean {
  let at = 0
  while (at < text.length) {
    const end = tokenEnd(text, at)
    const token = text.slice(at, end)
    if (!/^\s$/.test(token) && !token.startsWith('--') && !token.startsWith('/*')) return false
    // A comment that is still open may end before a statement does: it is not to be passed over.
    if (token.startsWith('/*') && !token.endsWith('*/')) return false
    at = end
  }
  return true
}

/** The end of what begins at a place; the text's end for what is not closed. */
function tokenEnd(text: string, at: number): number {
  const two = text.slice(at, at + 2)
  if (two === '--') return endAfter(text, '\n', at + 2)
  if (two === '/*') return commentEnd(text, at)
  switch (text[at]) {
    case "'":
      return isEscaped(text, at) ? escapedTextEnd(text, at) : quoteEnd(text, at, "'")
    case '"':
      return quoteEnd(text, at, '"')
    case '$':
      return dollarEnd(text, at)
    default:
      return at + 1
  }
}

function endAfter(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found + mark.length
}

/** Comments may hold comments. */
function commentEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const two = text.slice(at, at + 2)
    if (two === '/*') depth += 1
    else if (two === '*/') depth -= 1
    else continue
    at += 1
    if (depth === 0) return at + 1
  }
  return text.length
}

/** A doubled quote stands for one. */
function quoteEnd(text: string, start: number, quote: string): number {
  let at = start
  do at = endAfter(text, quote, at + 1)
  while (text[at] === quote)
  return at
}

/** `E'it\'s'`: the E is a word of its own. */
function isEscaped(text: string, at: number): boolean {
  return /(^|[^\p{L}\p{N}_$])e$/iu.test(text.slice(Math.max(0, at - 2), at))
}

function escapedTextEnd(text: string, start: number): number {
  const match = /'(?:[^'\\]|\\[\s\S]|'')*'/y
  match.lastIndex = start
  return match.test(text) ? match.lastIndex : text.length
}

/** `$$ … $$` and `$name$ … $name$`. */
function dollarEnd(text: string, at: number): number {
  const before = text.slice(Math.max(0, at - 1), at)
  const match = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy
  match.lastIndex = at
  const tag = /[\p{L}\p{N}_$]/u.test(before) ? undefined : match.exec(text)?.[0]
  return tag === undefined ? at + 1 : endAfter(text, tag, at + tag.length)
}
