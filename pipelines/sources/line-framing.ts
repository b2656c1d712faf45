export interface FramedLine {
  /** Microseconds as digits, empty where the file does not say. */
  readonly receivedUs: string
  readonly headers: string | undefined
  readonly payload: Uint8Array
}

export type LineFraming = (line: Uint8Array) => FramedLine

/** What nothing in a file of klines says, where somebody does. */
export interface NamedMarket {
  readonly venue?: string
  readonly symbol?: string
}

/**
 * The framing of a format: a line is a message as it is, unless more is known of it. `entryName` is the name of the file in its archive, or the file's own:
 * Lean's lines hold neither symbol nor day and klines no symbol, their entry's name does.
 */
export function lineFraming(
  format: string,
  entryName: string,
  { venue, symbol }: NamedMarket = {},
): LineFraming {
  switch (format) {
    case 'binance-frames':
      return frameBinanceLine
    case 'lean-trades':
    case 'lean-quotes': {
      const headers = asciiObject({ entry: entryName })
      return (payload) => ({ receivedUs: '', headers, payload })
    }
    case 'bitfinex-klines':
    case 'binance-klines': {
      const headers = asciiObject({
        entry: entryName,
        ...(venue === undefined ? {} : { venue }),
        ...(symbol === undefined ? {} : { symbol }),
      })
      return (payload) => ({ receivedUs: '', headers, payload })
    }
    default:
      return (payload) => ({ receivedUs: '', headers: undefined, payload })
  }
}

/**
 * The day of a symbol that all good lines of a file are of, as its name says it, in a form that is
 * good to be compared; undefined where names do not say it. Days of two names do not overlap.
 */
export function dayOfEntry(format: string, entryName: string): string | undefined {
  if (format !== 'lean-trades' && format !== 'lean-quotes') return undefined
  return /^(?:.*\/)?([0-9]{8}_[A-Za-z0-9.-]{1,32})_/.exec(entryName)?.[1]?.toUpperCase()
}

/**
 * `<receive time in ns> <JSON>`: the time is floored to µs. A line of another shape is a message as
 * a whole, for the transforms to refuse.
 */
function frameBinanceLine(line: Uint8Array): FramedLine {
  let digits = 0
  let byte = line[0]
  while (byte !== undefined && byte >= 0x30 && byte <= 0x39) {
    digits += 1
    byte = line[digits]
  }
  const isStamped = byte === 0x20 && digits > 3 && digits <= 21 && line[0] !== 0x30
  if (!isStamped) return { receivedUs: '', headers: undefined, payload: line }
  const receivedUs = Buffer.from(line.buffer, line.byteOffset, digits - 3).toString('latin1')
  return { receivedUs, headers: undefined, payload: line.subarray(digits + 1) }
}

/** JSON with everything above ASCII escaped, so that it fits a framed line. */
function asciiObject(value: Readonly<Record<string, string>>): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
