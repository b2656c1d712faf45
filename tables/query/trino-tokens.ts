/** A token of a statement in Trino's SQL, with its place in the text. */
export interface TrinoToken {
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'symbol'
  /** A word in small letters, a name or text without its quotes, else as it is written. */
  readonly value: string
  readonly start: number
  readonly end: number
}

const forms =
  /(?<blank>\s+|--[^\n]*|\/\*[\s\S]*?\*\/)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<quoted>"(?:[^"]|"")*")|(?<text>'(?:[^']|'')*')|(?<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?<symbol>=>|[\s\S])/gu

/** The tokens of a text, without white space and comments. What Trino refuses is a symbol. */
export function trinoTokens(sql: string): readonly TrinoToken[] {
  const tokens: TrinoToken[] = []
  for (const match of sql.matchAll(forms)) {
    const { word, quoted, text, number, symbol } = match.groups ?? {}
    const place = { start: match.index, end: match.index + match[0].length }
    if (word !== undefined) tokens.push({ kind: 'word', value: word.toLowerCase(), ...place })
    else if (quoted !== undefined) {
      tokens.push({ kind: 'quoted', value: quoted.slice(1, -1).replaceAll('""', '"'), ...place })
    } else if (text !== undefined) {
      tokens.push({ kind: 'text', value: text.slice(1, -1).replaceAll("''", "'"), ...place })
    } else if (number !== undefined) tokens.push({ kind: 'number', value: number, ...place })
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', value: symbol, ...place })
  }
  return tokens
}

/** A place in a list of tokens. */
export interface TokenReader {
  /** The token that comes `ahead` after the next one; undefined at the end. */
  peek(ahead?: number): TrinoToken | undefined
  next(): TrinoToken | undefined
  /** Whether the tokens that come next are these words and symbols; quoted names are none. */
  isNext(...values: readonly string[]): boolean
}

export function createTokenReader(tokens: readonly TrinoToken[]): TokenReader {
  let at = 0
  const peek = (ahead = 0): TrinoToken | undefined => tokens[at + ahead]
  return {
    peek,
    next: () => {
      const token = tokens[at]
      at += 1
      return token
    },
    isNext: (...values) =>
      values.every((value, ahead) => {
        const token = peek(ahead)
        return (token?.kind === 'word' || token?.kind === 'symbol') && token.value === value
      }),
  }
}
