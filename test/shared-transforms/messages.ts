/** A message as a source hands it over. */
export interface TestMessage {
  readonly payload: string | Uint8Array | null
  readonly headers?: string | null
  /** Default: RECEIVED_US. */
  readonly receivedUs?: bigint | null
}

/** 2025-01-15T10:30:00Z, the event and receive time of the example messages. */
export const RECEIVED_US = 1_736_937_000_000_000n

/** Field values as they stand in the JSON; undefined leaves the field out. */
type Changes = Readonly<Record<string, string | undefined>>

const trade = {
  trade_id: '"TRD_001"',
  symbol: '"AAPL"',
  price: '175.50',
  volume: '100',
  timestamp: '"2025-01-15T10:30:00Z"',
  trade_type: '"BUY"',
  exchange: '"NASDAQ"',
}

const quote = {
  quote_id: '"QTE_001"',
  symbol: '"AAPL"',
  bid: '175.45',
  ask: '175.55',
  timestamp: '"2025-01-15T10:30:00Z"',
  exchange: '"NASDAQ"',
}

/** A stock-json trade with some fields changed or added. */
export function stockTrade(changes: Changes): string {
  return objectText({ ...trade, ...changes })
}

/** A stock-json quote with some fields changed or added. */
export function stockQuote(changes: Changes): string {
  return objectText({ ...quote, ...changes })
}

function objectText(fields: Changes): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined)
  return `{${pairs.map(([name, value]) => `"${name}":${value ?? ''}`).join(',')}}`
}

/** A number that no double holds, as a value of JSON. */
export const longText = '0.12345678901234567890'
