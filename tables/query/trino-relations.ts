import { createTokenReader } from './trino-tokens.ts'
import type { TokenReader, TrinoToken } from './trino-tokens.ts'

/** A table or view that a statement names in a FROM. */
export interface TrinoRelation {
  /** Its name's parts, without quotes. */
  readonly parts: readonly string[]
  /** Where the name stands: from, until (exclusive). */
  readonly start: number
  readonly end: number
  readonly hasAlias: boolean
  /** `FOR VERSION AS OF` or `FOR TIMESTAMP AS OF` follows it. */
  readonly hasPeriod: boolean
  readonly at: AtClause | undefined
}

/** `AT (VERSION => 7)`, which Trino does not know; it may follow the alias. */
export interface AtClause {
  readonly unit: 'version' | 'timestamp'
  /** Undefined where it is more than one literal. */
  readonly value: string | undefined
  readonly start: number
  readonly end: number
}

export interface TrinoRelations {
  readonly relations: readonly TrinoRelation[]
  /** What may read tables in a way that is not followed here: `TABLE`, `WITH FUNCTION`. */
  readonly unread: string | undefined
}

/** Words that may follow a table and are no alias of it. */
const afterTable: ReadonlySet<string> = new Set(
  (
    'where group having order union intersect except join inner left right full cross natural on ' +
    'using for limit offset fetch window tablesample match_recognize as'
  ).split(' '),
)

/** Words that end a FROM. None of them can be a name without quotes. */
const afterFrom: ReadonlySet<string> = new Set('where group having order'.split(' '))

interface Found {
  readonly reader: TokenReader
  readonly relations: TrinoRelation[]
  unread: string | undefined
}

/**
 * Every table that a query names, in the order of the text, without the names of CTEs in sight.
 * In Trino's grammar a table stands after FROM, after JOIN, after a comma of a FROM and in brackets
 * in their places; `EXTRACT(… FROM …)` and its like have no SELECT before them in their brackets.
 */
export function findTrinoRelations(tokens: readonly TrinoToken[]): TrinoRelations {
  const found: Found = { reader: createTokenReader(tokens), relations: [], unread: undefined }
  while (found.reader.peek() !== undefined) readBrackets(found, new Set(), false)
  return found
}

/** Reads to the closing bracket, or to the end. */
function readBrackets(found: Found, outer: ReadonlySet<string>, isRelation: boolean): void {
  const { reader } = found
  const names = reader.isNext('with') ? readCtes(found, outer) : outer
  const isQuery = ['select', 'with', 'values', 'table'].some((word) => reader.isNext(word))
  let clause: 'select' | 'from' | 'other' = isRelation ? 'from' : 'other'
  let wantsTable = isRelation && !isQuery
  let before: TrinoToken | undefined
  for (;;) {
    const token = reader.peek()
    if (token === undefined) return
    const isTable = wantsTable
    wantsTable = false
    if (token.kind === 'symbol' && token.value === '(') {
      reader.next()
      readBrackets(found, names, isTable)
    } else if (token.kind === 'symbol' && token.value === ')') {
      reader.next()
      return
    } else if (isTable) {
      readRelation(found, names)
    } else {
      reader.next()
      const word = token.kind === 'quoted' || token.kind === 'text' ? '' : token.value
      if (word === 'table') found.unread ??= 'TABLE'
      if (word === 'select') clause = 'select'
      // `a IS DISTINCT FROM b` names no table.
      const isComparison = before?.kind === 'word' && before.value === 'distinct'
      const isFrom = word === 'from' && clause === 'select' && !isComparison
      wantsTable = isFrom || word === 'join' || (word === ',' && clause === 'from')
      if (isFrom) clause = 'from'
      if (clause === 'from' && endsFrom(reader, word)) clause = 'other'
    }
    before = token
  }
}

function endsFrom(reader: TokenReader, word: string): boolean {
  // A column may be called window; a list of windows says AS and a bracket.
  if (word === 'window') return reader.peek(1)?.value === 'as' && reader.peek(2)?.value === '('
  return afterFrom.has(word) || ['union', 'intersect', 'except'].includes(word)
}

/** Reads `WITH a AS (…), b AS (…)`: each sees those before it, and itself where it is recursive. */
function readCtes(found: Found, outer: ReadonlySet<string>): ReadonlySet<string> {
  const { reader } = found
  const names = new Set(outer)
  reader.next()
  const isRecursive = reader.isNext('recursive')
  if (isRecursive) reader.next()
  if (reader.isNext('function')) found.unread ??= 'WITH FUNCTION'
  for (;;) {
    const name = reader.next()
    if (name === undefined) return names
    if (reader.isNext('(')) skipBrackets(reader)
    if (reader.isNext('as')) reader.next()
    if (isRecursive) names.add(name.value.toLowerCase())
    if (!reader.isNext('(')) return names
    reader.next()
    readBrackets(found, names.size === outer.size ? outer : new Set(names), false)
    names.add(name.value.toLowerCase())
    if (!reader.isNext(',')) return names
    reader.next()
  }
}

function skipBrackets(reader: TokenReader): void {
  let depth = 0
  do {
    const token = reader.next()
    if (token === undefined) return
    if (token.kind !== 'symbol') continue
    if (token.value === '(') depth += 1
    if (token.value === ')') depth -= 1
  } while (depth > 0)
}

function readRelation(found: Found, names: ReadonlySet<string>): void {
  const { reader } = found
  const first = reader.next()
  if (first === undefined || (first.kind !== 'word' && first.kind !== 'quoted')) return
  // UNNEST (…), LATERAL (…): what is in the brackets is read as everything is.
  if (reader.isNext('(')) {
    if (first.kind === 'word' && first.value === 'table') found.unread ??= 'TABLE'
    return
  }
  const parts = [first.value]
  let { end } = first
  while (reader.isNext('.')) {
    reader.next()
    const part = reader.next()
    if (part === undefined) break
    parts.push(part.value)
    ;({ end } = part)
  }
  const about = readAbout(reader, end)
  if (about !== undefined) {
    parts.push(`${parts.pop() ?? ''}$${about.value}`)
    ;({ end } = about)
  }
  const hasPeriod =
    reader.isNext('for', 'version', 'as', 'of') || reader.isNext('for', 'timestamp', 'as', 'of')
  let at = hasPeriod ? undefined : readAt(reader)
  const hasAlias = !hasPeriod && at === undefined && readAlias(reader)
  if (hasAlias) at = readAt(reader)
  const isCte = parts.length === 1 && at === undefined && names.has(first.value.toLowerCase())
  if (isCte) return
  found.relations.push({ parts, start: first.start, end, hasAlias, hasPeriod, at })
}

/** `$files` right after a name: DuckDB takes it without quotes, Trino does not. */
function readAbout(reader: TokenReader, end: number): TrinoToken | undefined {
  const word = reader.peek(1)
  const isAbout = reader.isNext('$') && reader.peek()?.start === end
  if (!isAbout || word?.kind !== 'word' || word.start !== end + 1) return undefined
  reader.next()
  return reader.next()
}

/** Steps over `[AS] alias [(columns)]`. */
function readAlias(reader: TokenReader): boolean {
  const isWritten = reader.isNext('as')
  const alias = reader.peek(isWritten ? 1 : 0)
  const isName =
    alias?.kind === 'quoted' ||
    (alias?.kind === 'word' && (isWritten || !afterTable.has(alias.value)))
  if (!isName) return isWritten
  if (isWritten) reader.next()
  reader.next()
  if (reader.isNext('(')) skipBrackets(reader)
  return true
}

function readAt(reader: TokenReader): AtClause | undefined {
  const isAt = (unit: string) => reader.isNext('at', '(', unit, '=>')
  const unit = isAt('version') ? 'version' : isAt('timestamp') ? 'timestamp' : undefined
  const start = reader.peek()?.start
  if (unit === undefined || start === undefined) return undefined
  reader.next()
  const inside: TrinoToken[] = []
  let depth = 0
  for (;;) {
    const token = reader.next()
    if (token === undefined) return undefined
    if (token.kind === 'symbol' && token.value === '(') depth += 1
    if (token.kind === 'symbol' && token.value === ')') depth -= 1
    if (depth === 0) return { unit, value: literalOf(inside.slice(3)), start, end: token.end }
    inside.push(token)
  }
}

/** `7`, `-7`, `'a text'` or `TIMESTAMP 'a text'`. */
function literalOf(tokens: readonly TrinoToken[]): string | undefined {
  const [first, second] = tokens
  const isTyped = first?.kind === 'word' && /^timestamp(tz)?$/.test(first.value)
  if (tokens.length === 1 && (first?.kind === 'number' || first?.kind === 'text')) {
    return first.value
  }
  if (tokens.length !== 2) return undefined
  if (first?.value === '-' && second?.kind === 'number') return `-${second.value}`
  return isTyped && second?.kind === 'text' ? second.value : undefined
}
