import type { SourcePart } from '../../../pipelines/sources/source.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import type {
  FrameStep,
  GeneratedHistory,
  Happening,
  StockTrade,
  WrittenNumber,
} from './generate-history.ts'

/** A row that a message says, and how it stands to the one before it. */
export interface SaidRow {
  readonly kind: 'trade' | 'quote' | 'kline'
  readonly symbol: string
  /** Undefined: rows without an id, which are never duplicates. */
  readonly id: string | undefined
  readonly eventUs: bigint
  /** Two rows of one identity agree where these are equal. */
  readonly facts: string
  readonly price: string
  readonly quantity: string
  /** Its event time is its receive time, and its id is one within a minute. */
  readonly isTimeReceived: boolean
}

export interface HistoryMessage extends ListedMessage {
  readonly receivedUs: bigint
  /** Undefined where the message is refused. */
  readonly row: SaidRow | undefined
  /** The message whose row this one repeats or contradicts. */
  readonly of: HistoryMessage | undefined
  /** Hard cases that it is by itself. */
  readonly cases: readonly string[]
}

/** Ten seconds before a midnight, so that histories cross it. */
export const HISTORY_START_US = BigInt(Date.UTC(2025, 0, 15, 23, 59, 50)) * 1000n

export const DEAD_PART: SourcePart = { source: 'kafka:dead', partition: 0 }
const FRAMES: SourcePart = { source: 'kafka:frames', partition: 0 }
const TICKS: SourcePart = { source: 'kafka:ticks', partition: 0 }
const symbols = ['AAPL', 'MSFT', 'TSLA']
const DAY_US = 86_400_000_000n
const SKEW_US = 60_000_000n

/** A stock's trade as it was said first, to be said again. */
interface KnownTrade {
  readonly message: HistoryMessage
  readonly id: string
  readonly as: StockTrade
  readonly eventUs: bigint
}

interface Writer {
  nowUs: bigint
  readonly history: GeneratedHistory
  readonly messages: HistoryMessage[]
  readonly offsets: Map<string, bigint>
  readonly trades: KnownTrade[]
  readonly tickers: { readonly message: HistoryMessage; readonly update: number }[]
  frameNumber: number
  readonly frameNumbers: Set<number>
  /** Numbers that were left out, and when they were given. */
  readonly missingFrames: { readonly id: number; readonly timeMs: bigint }[]
}

/** The messages of a history in the order of their arrival. */
export function historyMessages(history: GeneratedHistory): HistoryMessage[] {
  const writer: Writer = {
    ...{ nowUs: HISTORY_START_US, history, messages: [], offsets: new Map() },
    ...{ trades: [], tickers: [], frameNumber: 0, frameNumbers: new Set(), missingFrames: [] },
  }
  for (const [index, each] of history.happenings.entries()) write(writer, each, index)
  return writer.messages
}

function write(writer: Writer, each: Happening, index: number): void {
  if ('afterMs' in each) writer.nowUs += BigInt(each.afterMs) * 1000n + BigInt(index % 3)
  if (each.what === 'hole') writer.nowUs += BigInt(each.dayCount) * DAY_US
  else if (each.what === 'trade') writeTrade(writer, each, index)
  else if (each.what === 'repeat' || each.what === 'conflict') writeAgain(writer, each, index)
  else if (each.what === 'reused-id') writeReusedId(writer, each.of)
  else if (each.what === 'quote') writeQuote(writer, each.symbol, index)
  else if (each.what === 'kline') writeKline(writer, each, index)
  else if (each.what === 'broken') {
    const part = stockPart(writer.history, each.symbol)
    send(writer, part, 'stock-json', { payload: '{"price":', cases: ['broken messages'] })
  } else if (writer.history.hasOtherSources) writeOther(writer, each, index)
}

function send(
  writer: Writer,
  part: SourcePart,
  format: string,
  said: Pick<HistoryMessage, 'payload'> &
    Partial<Pick<HistoryMessage, 'row' | 'of' | 'cases' | 'headers'>>,
): HistoryMessage {
  const key = `${part.source}#${part.partition}`
  const offset = writer.offsets.get(key) ?? 0n
  // A hole now and then, as compaction leaves them.
  const hasHole = writer.messages.length % 7 === 3
  writer.offsets.set(key, offset + (hasHole ? 2n : 1n))
  const message: HistoryMessage = {
    ...{ part, format, offset, receivedUs: writer.nowUs, row: said.row, of: said.of },
    ...{ payload: said.payload, cases: said.cases ?? [] },
    ...(said.headers === undefined ? {} : { headers: said.headers }),
  }
  writer.messages.push(message)
  return message
}

function stockPart({ partitionCount }: GeneratedHistory, symbol: number): SourcePart {
  return { source: 'kafka:stocks', partition: symbol % partitionCount }
}

function writeTrade(writer: Writer, as: StockTrade, index: number): void {
  const eventUs = writer.nowUs - BigInt(as.behindMs) * 1000n
  const id = `T${index}`
  const isFuture = eventUs > writer.nowUs + SKEW_US
  const row = isFuture ? undefined : stockRow(id, as, eventUs)
  const cases = [
    ...(isFuture ? ['events of the future, refused'] : []),
    ...(!isFuture && as.behindMs < 0 ? ['events ahead of their arrival'] : []),
    ...(as.zoneMinutes === undefined ? [] : ['times with an offset']),
    ...numberCases(as.price),
    ...numberCases(as.quantity),
  ]
  const part = stockPart(writer.history, as.symbol)
  const payload = stockJson(id, as, eventUs)
  const message = send(writer, part, 'stock-json', { payload, row, cases })
  if (row !== undefined) writer.trades.push({ message, id, as, eventUs })
}

/** The same trade again, in other words; or another one under its identity. */
function writeAgain(
  writer: Writer,
  each: Extract<Happening, { what: 'repeat' | 'conflict' }>,
  index: number,
): void {
  const known = backwards(writer.trades, each.of)
  if (known === undefined) return
  const { history } = writer
  const otherWords: StockTrade = {
    ...known.as,
    price: { ...known.as.price, isQuoted: index % 2 === 0 },
    zoneMinutes: index % 3 === 0 ? 120 : known.as.zoneMinutes,
  }
  const isRepeat = each.what === 'repeat'
  const as = isRepeat ? otherWords : { ...otherWords, price: otherNumber(known.as.price) }
  const home = known.message.part
  const mayLeave = each.isElsewhere && (isRepeat || history.hasRivals)
  const part = mayLeave
    ? { ...home, partition: (home.partition + 1) % history.partitionCount }
    : home
  send(writer, part, 'stock-json', {
    payload: stockJson(known.id, as, known.eventUs),
    row: stockRow(known.id, as, known.eventUs),
    of: known.message,
  })
}

/** The id of an earlier trade, a second later: another row. */
function writeReusedId(writer: Writer, of: number): void {
  const known = backwards(writer.trades, of)
  if (known === undefined) return
  const { id, message } = known
  const eventUs = known.eventUs + 1_000_000n
  // It may have been made before, from the same one: then it is said the same way.
  const as = { ...known.as, price: otherNumber(known.as.price) }
  const isFuture = eventUs > writer.nowUs + SKEW_US
  const row = isFuture ? undefined : stockRow(id, as, eventUs)
  const payload = stockJson(id, as, eventUs)
  const cases = isFuture ? [] : ['ids used again at another time']
  const again = send(writer, message.part, 'stock-json', { payload, row, cases })
  if (row !== undefined) writer.trades.push({ message: again, id, as, eventUs })
}

function writeQuote(writer: Writer, symbol: number, index: number): void {
  const name = symbols[symbol] ?? ''
  const bid = `${100 + (index % 5)}`
  const id = `Q${index}`
  const quote = {
    ...{ quote_id: id, symbol: name, bid: Number(bid), ask: 101 + (index % 3) },
    ...{ timestamp: isoText(writer.nowUs, undefined), exchange: 'NASDAQ' },
  }
  const facts = JSON.stringify(quote)
  send(writer, stockPart(writer.history, symbol), 'stock-json', {
    payload: facts,
    row: {
      ...{ kind: 'quote', symbol: name, id, eventUs: writer.nowUs, facts },
      ...{ price: bid, quantity: '', isTimeReceived: false },
    },
  })
}

/** Prices of two kinds, so that klines of one minute agree or contradict. */
function writeKline(
  writer: Writer,
  { symbol, minutesAgo }: Extract<Happening, { what: 'kline' }>,
  index: number,
): void {
  const openMs = (writer.nowUs / 60_000_000n - BigInt(minutesAgo)) * 60_000n
  const price = 100 + (index % 2)
  const payload =
    `${openMs},${price},${price + 2},${price - 1},${price + 1},10.5,${openMs + 59_999n},` +
    `${price * 10},3,4.5,450,0`
  const name = symbols[symbol] ?? ''
  send(writer, stockPart(writer.history, symbol), 'binance-klines', {
    payload,
    headers: JSON.stringify({ venue: 'NASDAQ', symbol: name }),
    row: {
      ...{ kind: 'kline', symbol: name, id: String(openMs), eventUs: openMs * 1000n },
      ...{ facts: payload, price: String(price), quantity: '10.5', isTimeReceived: false },
    },
    cases: ['klines'],
  })
}

function writeOther(writer: Writer, each: Happening, index: number): void {
  if (each.what === 'frame-trade') writeFrameTrade(writer, each.step, index)
  else if (each.what === 'book-ticker') {
    const message = sendTicker(writer, 1000 + index, `${100 + (index % 17)}`)
    writer.tickers.push({ message, update: 1000 + index })
  } else if (each.what === 'repeated-book-ticker') {
    const known = backwards(writer.tickers, each.of)
    if (known === undefined) return
    const bid = known.message.row?.price ?? ''
    sendTicker(writer, known.update, each.changes ? `${bid}.5` : bid, known.message)
  } else if (each.what === 'lean-print') {
    for (let copy = 0; copy < each.copies; copy++) writeLeanPrint(writer, each)
  }
}

function writeFrameTrade(writer: Writer, step: FrameStep, index: number): void {
  if (step === 'late') {
    const missing = writer.missingFrames.pop()
    if (missing !== undefined) sendFrameTrade(writer, missing, index, ['numbers that came late'])
    return
  }
  // The venue's numbers restart while its clock goes on: never twice within one millisecond.
  const next = () => {
    writer.nowUs += 1000n
    return { id: ++writer.frameNumber, timeMs: writer.nowUs / 1000n }
  }
  if (step === 'restart') writer.frameNumber = 0
  if (step === 'gap') writer.missingFrames.push(next(), next())
  const frame = next()
  const isUsed = writer.frameNumbers.has(frame.id)
  writer.frameNumbers.add(frame.id)
  sendFrameTrade(writer, frame, index, [
    ...(isUsed ? ["a venue's numbers from 1 again"] : []),
    ...(step === 'gap' ? ['missing numbers'] : []),
  ])
}

function sendFrameTrade(
  writer: Writer,
  { id, timeMs }: { readonly id: number; readonly timeMs: bigint },
  index: number,
  cases: readonly string[],
): void {
  const price = `${200 + (index % 13)}.5`
  const data = { e: 'trade', s: 'BTCUSDT', t: id, p: price, q: '0.25', T: Number(timeMs), m: true }
  send(writer, FRAMES, 'binance-frames', {
    payload: JSON.stringify({ stream: 'btcusdt@trade', data }),
    row: {
      ...{ kind: 'trade', symbol: 'BTCUSDT', id: String(id), eventUs: timeMs * 1000n },
      ...{ facts: `${price} 0.25`, price, quantity: '0.25', isTimeReceived: false },
    },
    cases,
  })
}

function sendTicker(
  writer: Writer,
  update: number,
  bid: string,
  of?: HistoryMessage,
): HistoryMessage {
  const data = { u: update, s: 'BTCUSDT', b: bid, B: '1.5', a: '200.00', A: '2.5' }
  return send(writer, FRAMES, 'binance-frames', {
    payload: JSON.stringify({ stream: 'btcusdt@bookTicker', data }),
    row: {
      ...{ kind: 'quote', symbol: 'BTCUSDT', id: String(update), eventUs: writer.nowUs },
      ...{ facts: bid, price: bid, quantity: '1.5', isTimeReceived: true },
    },
    of,
  })
}

/** A line without an id: its copies are prints of their own, at one time. */
function writeLeanPrint(
  writer: Writer,
  { behindMs }: Extract<Happening, { what: 'lean-print' }>,
): void {
  const eventMs = Number(writer.nowUs / 1000n) - behindMs
  const [day = '', time = ''] = new Date(eventMs)
    .toLocaleString('sv-SE', { timeZone: 'America/New_York' })
    .split(' ')
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number)
  const msOfDay = ((hours * 60 + minutes) * 60 + seconds) * 1000 + (eventMs % 1000)
  const entry = `${day.replaceAll('-', '')}_spy_Trade_Tick.csv`
  send(writer, TICKS, 'lean-trades', {
    payload: `${msOfDay},1680000,100,P,0,0`,
    headers: JSON.stringify({ entry }),
    row: {
      ...{ kind: 'trade', symbol: 'SPY', id: undefined, eventUs: BigInt(eventMs) * 1000n },
      ...{ facts: '', price: '168', quantity: '100', isTimeReceived: false },
    },
    cases: ['equal times without ids'],
  })
}

function numberCases({ text, isQuoted }: WrittenNumber): readonly string[] {
  const digitCount = text.replace('.', '').length
  const how = isQuoted ? 'quoted' : 'bare'
  const isRounded = (text.split('.')[1] ?? '').length > 8
  return [
    `numbers of ${digitCount} digits, ${how}`,
    ...(isRounded ? [`numbers that are rounded, ${how}`] : []),
  ]
}

/** Undefined only where there is none at all. */
function backwards<T>(all: readonly T[], of: number): T | undefined {
  return all[all.length - 1 - (of % Math.max(all.length, 1))]
}

/** A number that no rounding makes the same. */
function otherNumber(number: WrittenNumber): WrittenNumber {
  const first = (Number(number.text[0]) % 9) + 1
  return { ...number, text: `${first}${number.text.slice(1)}` }
}

function stockRow(id: string, as: StockTrade, eventUs: bigint): SaidRow {
  const price = as.price.text
  const quantity = as.quantity.text
  const symbol = symbols[as.symbol] ?? ''
  return {
    ...{ kind: 'trade', symbol, id, eventUs, facts: `${price} ${quantity}`, price, quantity },
    isTimeReceived: false,
  }
}

function stockJson(id: string, as: StockTrade, eventUs: bigint): string {
  const written = ({ text, isQuoted }: WrittenNumber) => (isQuoted ? `"${text}"` : text)
  return (
    `{"trade_id":"${id}","symbol":"${symbols[as.symbol]}","price":${written(as.price)},` +
    `"volume":${written(as.quantity)},"timestamp":"${isoText(eventUs, as.zoneMinutes)}",` +
    `"trade_type":"BUY","exchange":"NASDAQ"}`
  )
}

/** `2025-01-15T23:59:50.000000Z`, or the same instant as clocks of another zone show it. */
function isoText(us: bigint, zoneMinutes: number | undefined): string {
  const shown = us + BigInt(zoneMinutes ?? 0) * 60_000_000n
  const iso = new Date(Number(shown / 1000n)).toISOString().slice(0, -1)
  const zone =
    zoneMinutes === undefined
      ? 'Z'
      : `${zoneMinutes < 0 ? '-' : '+'}${twoDigits(Math.floor(Math.abs(zoneMinutes) / 60))}:` +
        twoDigits(Math.abs(zoneMinutes) % 60)
  return `${iso}${(shown % 1000n).toString().padStart(3, '0')}${zone}`
}

function twoDigits(count: number): string {
  return String(count).padStart(2, '0')
}
