import { klineMessages } from '../bronze/kline-messages.ts'
import { quoteMessages } from '../bronze/quote-messages.ts'
import { tradeMessages } from '../bronze/trade-messages.ts'
import { barRevisions } from '../gold/bar-revisions.ts'
import { bars } from '../gold/bars.ts'
import { spreads } from '../gold/spreads.ts'
import { gaps } from '../silver/gaps.ts'
import { klines } from '../silver/klines.ts'
import { quotes } from '../silver/quotes.ts'
import { rejectedMessages } from '../silver/rejected-messages.ts'
import { trades } from '../silver/trades.ts'
import { cuts } from '../sluice/cuts.ts'
import { takeOvers } from '../sluice/take-overs.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/** Every table of a lake, in the order of the data's way. */
export const allTables: readonly TableDefinition[] = [
  tradeMessages,
  quoteMessages,
  klineMessages,
  trades,
  quotes,
  klines,
  gaps,
  rejectedMessages,
  bars,
  barRevisions,
  spreads,
  takeOvers,
  cuts,
]
