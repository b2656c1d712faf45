import type { LakeQuery } from '../../tables/query/lake-query.ts'

/** What the rows of several tables say, read by one statement. */
export interface SeenCut {
  readonly cut: number
  readonly cuts: bigint
  /** By the receipts in sluice.cuts. */
  readonly toldMessages: bigint
  readonly toldRows: bigint
  /** By the rows themselves. */
  readonly messages: bigint
  readonly rows: bigint
  readonly trades: bigint
  readonly quotes: bigint
  readonly tradesInBars: bigint
  readonly quotesInSpreads: bigint
}

const COLUMNS = {
  cuts: '(SELECT count(*) FROM sluice.cuts WHERE source IS NULL)',
  toldMessages: '(SELECT sum(message_count) FROM sluice.cuts WHERE source IS NULL)',
  toldRows: '(SELECT sum(silver_count) FROM sluice.cuts WHERE source IS NULL)',
  messages:
    '(SELECT count(*) FROM bronze.trade_messages) + (SELECT count(*) FROM bronze.quote_messages)',
  trades: '(SELECT count(*) FROM silver.trades)',
  quotes: '(SELECT count(*) FROM silver.quotes)',
  tradesInBars: `(SELECT sum(trade_count) FROM gold.bars WHERE step = '1m')`,
  quotesInSpreads: `(SELECT sum(quote_count) FROM gold.spreads WHERE step = '1d')`,
} as const

/** In the words that DuckDB and Trino share. */
const SEEN_SQL = `SELECT ${Object.values(COLUMNS)
  .map((sql) => `CAST(coalesce(${sql}, 0) AS BIGINT)`)
  .join(', ')}`

/** All tables at one cut, as SQL shows them. Undefined before the first cut. */
export async function lookAtCut(query: Pick<LakeQuery, 'query'>): Promise<SeenCut | undefined> {
  const result = await query.query(SEEN_SQL)
  const rows: (readonly unknown[])[] = []
  for await (const row of result.rows) rows.push(row)
  if (result.cut === undefined) return undefined
  const values = (rows[0] ?? []).map((value) => BigInt(String(value)))
  const named = Object.keys(COLUMNS).map((name, index) => [name, values[index] ?? 0n])
  const seen = Object.fromEntries(named) as Record<keyof typeof COLUMNS, bigint>
  return { ...seen, cut: result.cut, rows: seen.trades + seen.quotes }
}

/** What the rows of one cut contradict in each other; none where a whole cut was seen. */
export function brokenClaims(seen: SeenCut): string[] {
  const claims: Readonly<Record<string, boolean>> = {
    'a row for each cut': seen.cuts === BigInt(seen.cut),
    'bronze as told': seen.messages === seen.toldMessages,
    'silver as told': seen.rows === seen.toldRows,
    'bars over all trades': seen.tradesInBars === seen.trades,
    'spreads over all quotes': seen.quotesInSpreads === seen.quotes,
  }
  const broken = Object.entries(claims).filter(([, isTrue]) => !isTrue)
  return broken.map(([claim]) => `cut ${seen.cut}: not ${claim}`)
}
