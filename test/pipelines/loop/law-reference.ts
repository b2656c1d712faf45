import type { HistoryMessage, SaidRow } from './history-messages.ts'

/** What a history must come to, by a plain loop over its messages. */
export interface ExpectedLake {
  readonly rejectedCount: number
  readonly silverCount: number
  readonly duplicateCount: number
  readonly refusedCount: number
  /** Each row of silver.trades as a line, in the order of their texts. */
  readonly trades: readonly string[]
  /** Each open row of silver.gaps as a line, in the order of their texts. */
  readonly gaps: readonly string[]
}

const REACH_US = 60_000_000n

/** The first row of an identity stays; the same again is a duplicate, anything else is refused. */
export function expectedLake(messages: readonly HistoryMessage[]): ExpectedLake {
  const rows = messages.flatMap(({ row }) => (row === undefined ? [] : [row]))
  const numbered = messages.flatMap(({ row, format }) =>
    row?.kind === 'trade' && format === 'binance-frames' ? [row] : [],
  )
  const accepted: SaidRow[] = []
  const lastOf = new Map<string, SaidRow>()
  let duplicateCount = 0
  let refusedCount = 0
  for (const row of rows) {
    const { kind, symbol, id, eventUs, isTimeReceived } = row
    const identity = `${kind} ${symbol} ${id}${isTimeReceived ? '' : ` ${eventUs}`}`
    const before = id === undefined ? undefined : lastOf.get(identity)
    if (before === undefined || eventUs - before.eventUs > REACH_US) {
      accepted.push(row)
      lastOf.set(identity, row)
    } else if (before.facts === row.facts) duplicateCount += 1
    else refusedCount += 1
  }
  return {
    ...{ rejectedCount: messages.length - rows.length, silverCount: accepted.length },
    ...{ duplicateCount, refusedCount },
    trades: accepted
      .filter(({ kind }) => kind === 'trade')
      .map(({ symbol, id, eventUs, price, quantity }) =>
        [symbol, id ?? '', eventUs, eightDecimals(price), eightDecimals(quantity)].join(' '),
      )
      .sort(),
    gaps: missingNumbers(
      numbered.map(({ symbol, id, eventUs }) => ({ symbol, number: BigInt(id ?? 0), eventUs })),
    ).sort(),
  }
}

/** What is missing between neighbours, unless they are of two numberings; as lines. */
export function missingNumbers(
  trades: readonly { symbol: string; number: bigint; eventUs: bigint }[],
): string[] {
  const firstUs = new Map<string, Map<bigint, bigint>>()
  for (const { symbol, number, eventUs } of trades) {
    const times = firstUs.get(symbol) ?? new Map<bigint, bigint>()
    firstUs.set(symbol, times)
    const before = times.get(number)
    if (before === undefined || eventUs < before) times.set(number, eventUs)
  }
  return [...firstUs].flatMap(([symbol, times]) => {
    const held = [...times].sort(([a], [b]) => (a < b ? -1 : 1))
    return held.flatMap(([number, us], index) => {
      const [before, beforeUs] = held[index - 1] ?? [number, us]
      const isFar = number - before - 1n > 10_000_000n
      if (number - before <= 1n || isFar || beforeUs > us + 1_000_000n) return []
      const [fromUs, toUs] = beforeUs < us ? [beforeUs, us] : [us, beforeUs]
      return [`${symbol} ${before + 1n} ${number - 1n} ${fromUs} ${toUs}`]
    })
  })
}

/** A number's text with eight decimals, halves rounded away from zero; there are no signs. */
function eightDecimals(text: string): string {
  const [whole = '0', decimals = ''] = text.split('.')
  const kept = BigInt(whole + decimals.slice(0, 8).padEnd(8, '0'))
  const rounded = (kept + ((decimals[8] ?? '0') >= '5' ? 1n : 0n)).toString().padStart(9, '0')
  return `${rounded.slice(0, -8)}.${rounded.slice(-8)}`
}
