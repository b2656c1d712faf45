import type { TypedKind } from './typed-row.ts'
import { windowSteps } from './window-step.ts'

/** Which columns of each silver table are read as numbers, and how. */
export const typedTrade: TypedKind = {
  kind: 'trade',
  idColumn: 'trade_id',
  seqColumn: 'trade_seq',
  contiguousColumn: 'seq_is_contiguous',
  prices: ['price'],
  quantities: ['quantity'],
  counts: [],
  required: ['price', 'quantity'],
  products: [['price', 'quantity']],
  asGiven: ['taker_side', 'conditions'],
}

/** One side of a quote may be missing; a quote without any price says nothing. */
export const typedQuote: TypedKind = {
  kind: 'quote',
  idColumn: 'quote_id',
  seqColumn: 'quote_seq',
  prices: ['bid_price', 'ask_price'],
  quantities: ['bid_quantity', 'ask_quantity'],
  counts: [],
  required: 'a-price',
  products: [
    ['bid_price', 'bid_quantity'],
    ['ask_price', 'ask_quantity'],
  ],
  asGiven: [],
}

/**
 * What is not told of a kline is null. Beside its columns the format gives `is_other_step`: the
 * line itself says that it is longer or shorter than a minute.
 */
export const typedKline: TypedKind = {
  kind: 'kline',
  idColumn: 'kline_id',
  prices: ['open', 'high', 'low', 'close'],
  quantities: ['volume', 'notional', 'buy_volume', 'buy_notional'],
  counts: ['trade_count'],
  required: ['open', 'high', 'low', 'close', 'volume'],
  products: [['high', 'volume']],
  asGiven: ['step', 'open_ts', 'close_ts'],
  impossible: {
    reason: 'bad-bar',
    sql:
      'low > high OR open < low OR open > high OR close < low OR close > high ' +
      'OR buy_volume > volume OR buy_notional > notional OR is_other_step ' +
      `OR event_us % ${windowSteps[0].lengthUs} <> 0`,
  },
}
