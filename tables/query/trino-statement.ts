import { SluiceError } from '../errors.ts'
import { trinoTokens } from './trino-tokens.ts'
import type { TrinoToken } from './trino-tokens.ts'

export interface TrinoStatement {
  /** Without the semicolon, which Trino does not take. */
  readonly text: string
  /** Tokens of the query itself, after EXPLAIN. */
  readonly tokens: readonly TrinoToken[]
  /** SHOW and DESCRIBE tell of tables, and read none. */
  readonly isAboutTables: boolean
}

const queryWords: ReadonlySet<string> = new Set(['select', 'with', 'values', 'table', '('])
const aboutWords: ReadonlySet<string> = new Set(['show', 'describe', 'desc'])

/**
 * One statement of Trino's SQL that reads. Trino decides what it means; here it is only told from
 * one that changes something, by its first word, which in Trino's grammar says it.
 * @throws SluiceError `invalid-input` for every other text.
 */
export function readTrinoStatement(sql: string): TrinoStatement {
  const all = trinoTokens(sql)
  const end = all.findIndex(({ kind, value }) => kind === 'symbol' && value === ';')
  const rest = end < 0 ? [] : all.slice(end).filter(({ value }) => value !== ';')
  if (rest.length > 0) {
    throw new SluiceError(
      'invalid-input',
      'The text holds more than one statement; exactly one is run at a time. Nothing was run.',
    )
  }
  const text = end < 0 ? sql : sql.slice(0, all[end]?.start)
  const tokens = end < 0 ? all : all.slice(0, end)
  const query = tokens.slice(explainLength(tokens))
  const first = query[0]
  const word = first?.kind === 'word' || first?.kind === 'symbol' ? first.value : ''
  const isAboutTables = aboutWords.has(word)
  if (queryWords.has(word) || isAboutTables) return { text, tokens: query, isAboutTables }
  const isDuckDb = word === 'from' || word === 'summarize'
  throw new SluiceError(
    'invalid-input',
    isDuckDb
      ? `${word.toUpperCase()} at the start is DuckDB's. Nothing was run. Write SELECT * FROM …, ` +
          'or leave --engine trino out.'
      : `${word === '' ? 'The statement' : `A statement with ${word.toUpperCase()}`} is refused: ` +
          'the lake can only be read here, by one of SELECT, WITH, VALUES, TABLE, SHOW, DESCRIBE ' +
          "and EXPLAIN of these. Nothing was run. Other statements are for Trino's own clients.",
  )
}

/** How many tokens `EXPLAIN [ANALYZE [VERBOSE]] [(TYPE …, FORMAT …)]` takes. */
function explainLength(tokens: readonly TrinoToken[]): number {
  const isWord = (at: number, word: string) => {
    const token = tokens[at]
    return token?.kind === 'word' && token.value === word
  }
  if (!isWord(0, 'explain')) return 0
  if (isWord(1, 'analyze')) return isWord(2, 'verbose') ? 3 : 2
  const hasOptions = tokens[1]?.value === '(' && (isWord(2, 'type') || isWord(2, 'format'))
  if (!hasOptions) return 1
  return tokens.findIndex(({ value }) => value === ')') + 1
}
