import type { TypedKind } from './typed-row.ts'

/** Which columns of silver.trades and silver.quotes are read as numbers, and how. */
export const typedTrade: TypedKind = {
  kind: 'trade',
  idColumn: 'trade_id',
  seqColumn: 'trade_seq',
  prices: ['price'],
  quantities: ['quantity'],
  areNumbersOptional: false,
  texts: ['taker_side', 'conditions'],
}

/** One side of a quote may be missing; a quote without any price says nothing. */
export const typedQuote: TypedKind = {
  kind: 'quote',
  idColumn: 'quote_id',
  seqColumn: 'quote_seq',
  prices: ['bid_price', 'ask_price'],
  quantities: ['bid_quantity', 'ask_quantity'],
  areNumbersOptional: true,
  texts: [],
}
