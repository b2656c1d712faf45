/**
 * The slow, readable reference of bars: a loop over BigInt. Prices and quantities are in units of
 * 1e-8, times in microseconds. It is the arbiter for the SQL.
 */
export interface ReferenceTrade {
  readonly symbol: string
  readonly us: bigint
  readonly id: string
  readonly price: bigint
  readonly quantity: bigint
  readonly side: 'buy' | 'sell' | 'unknown'
}

export interface ReferenceBar {
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
  readonly volume: bigint
  readonly notional: bigint
  readonly count: bigint
  readonly buy: bigint
  readonly sell: bigint
  readonly sum: bigint
  readonly squares: bigint
}

/** Bars by `<symbol> <start µs>` of one step. */
export function referenceBars(
  trades: readonly ReferenceTrade[],
  lengthUs: bigint,
): Map<string, ReferenceBar> {
  const bars = new Map<string, ReferenceBar>()
  const inOrder = [...trades].sort((a, b) =>
    a.us === b.us ? (a.id < b.id ? -1 : 1) : a.us < b.us ? -1 : 1,
  )
  for (const { symbol, us, price, quantity, side } of inOrder) {
    const key = `${symbol} ${us - (us % lengthUs)}`
    const bar = bars.get(key)
    bars.set(key, {
      open: bar?.open ?? price,
      high: bar !== undefined && bar.high > price ? bar.high : price,
      low: bar !== undefined && bar.low < price ? bar.low : price,
      close: price,
      volume: (bar?.volume ?? 0n) + quantity,
      notional: (bar?.notional ?? 0n) + price * quantity,
      count: (bar?.count ?? 0n) + 1n,
      buy: (bar?.buy ?? 0n) + (side === 'buy' ? quantity : 0n),
      sell: (bar?.sell ?? 0n) + (side === 'sell' ? quantity : 0n),
      sum: (bar?.sum ?? 0n) + price,
      squares: (bar?.squares ?? 0n) + price * price,
    })
  }
  return bars
}

/** n / v, half away from zero, for v > 0. */
export function roundedQuotient(n: bigint, v: bigint): bigint {
  const magnitude = ((n < 0n ? -n : n) * 2n + v) / (2n * v)
  return n < 0n ? -magnitude : magnitude
}

/** An integer of units of 10^-scale as the text of a decimal. */
export function scaledText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
