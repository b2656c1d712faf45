import type { SeededRandom } from './seeded-random.ts'

/** One stock of the simulated market; prices in cents. */
export interface Stock {
  readonly symbol: string
  readonly exchange: string
  /** The middle between bid and ask, with fractions of a cent. */
  midCents: number
}

export interface Quote {
  readonly bidCents: number
  readonly askCents: number
}

export interface StockMarket {
  readonly stocks: readonly Stock[]
  /** Moves all prices by a time step; `activity` widens the moves, 1 is usual. */
  move(elapsedUs: number, activity: number): void
  /** Bid and ask now: bid < ask, both at least a cent. */
  quote(stock: Stock): Quote
}

const OPENING_PRICES = [
  { symbol: 'AAPL', exchange: 'NASDAQ', midCents: 17_550 },
  { symbol: 'GOOGL', exchange: 'NASDAQ', midCents: 14_230 },
  { symbol: 'MSFT', exchange: 'NASDAQ', midCents: 37_880 },
  { symbol: 'AMZN', exchange: 'NASDAQ', midCents: 15_120 },
  { symbol: 'TSLA', exchange: 'NASDAQ', midCents: 24_890 },
] as const

/** Deviation of the log price over a second: two to three times a real day's. */
const DEVIATION_PER_ROOT_SECOND = 4e-4
/** How much of a move is the market's and not the stock's own. */
const CORRELATION = 0.6
/** Prices are pulled back softly, so that a demo that runs for weeks keeps its magnitude. */
const PULL_PER_SECOND = 1e-5

/** A correlated random walk of five stocks. */
export function createStockMarket(random: SeededRandom): StockMarket {
  const stocks: Stock[] = OPENING_PRICES.map((opening) => ({ ...opening }))
  return {
    stocks,
    move: (elapsedUs, activity) => {
      const seconds = elapsedUs / 1e6
      const deviation = DEVIATION_PER_ROOT_SECOND * Math.sqrt(seconds) * activity
      const common = random.normal() * Math.sqrt(CORRELATION)
      for (const [index, stock] of stocks.entries()) {
        const own = random.normal() * Math.sqrt(1 - CORRELATION)
        const opening = OPENING_PRICES[index]?.midCents ?? stock.midCents
        const pull = Math.log(opening / stock.midCents) * Math.min(1, PULL_PER_SECOND * seconds)
        stock.midCents *= Math.exp(deviation * (common + own) + pull)
      }
    },
    quote: ({ midCents }) => {
      const halfSpread = 0.5 + random.exponential(midCents / 20_000)
      const bidCents = Math.max(1, Math.floor(midCents - halfSpread))
      return { bidCents, askCents: Math.max(bidCents + 1, Math.ceil(midCents + halfSpread)) }
    },
  }
}
