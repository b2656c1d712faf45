import type { Lake } from '../pipelines/lake/lake.ts'
import { openLake } from '../pipelines/lake/open-lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../pipelines/loop/loop-context.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import type { CutSighting } from './cut-watch.ts'

/** How long messages took from the producer's stamp to a reader's eyes. */
export interface Freshness {
  readonly messages: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/**
 * Of every message in bronze with a receive time: the first sighting of its cut, or of a later
 * one, less the receive time. The cut is found by the message's offset in sluice.cuts.
 */
export async function readFreshness(
  lakeDirectory: string,
  sightings: readonly CutSighting[],
): Promise<Freshness> {
  const lake = await openLake({
    directory: lakeDirectory,
    clock: systemClock,
    ids: randomIds,
    createIfMissing: false,
  })
  const session = await lake.engine.connect()
  try {
    const [row] = await session.rows<Record<'messages' | 'p50' | 'p99' | 'most', bigint | null>>(
      await freshnessSql(lake, sightings),
    )
    const milliseconds = (us: bigint | null | undefined) => Number(us ?? Number.NaN) / 1000
    return {
      messages: Number(row?.messages ?? 0n),
      p50Ms: milliseconds(row?.p50),
      p99Ms: milliseconds(row?.p99),
      maxMs: milliseconds(row?.most),
    }
  } finally {
    session.close()
    await lake.close()
  }
}

async function freshnessSql(lake: Lake, sightings: readonly CutSighting[]): Promise<string> {
  const heads = await loadHeads(lake)
  const relation = async (name: string): Promise<string> =>
    planRelation(lake, await planHead(lake, headOf(heads, name), []))
  const position = 'source, source_partition'
  const messages = ['bronze.trade_messages', 'bronze.quote_messages'].map(
    async (name) =>
      `SELECT ${position}, source_offset, epoch_us(received_ts) AS received_us ` +
      `FROM ${await relation(name)} WHERE received_ts IS NOT NULL`,
  )
  const seen = sightings.map(({ cutNumber, seenUs }) => `(${cutNumber}, ${seenUs})`)
  return (
    `WITH messages AS (${(await Promise.all(messages)).join(' UNION ALL ')}), ` +
    `parts AS (SELECT ${position}, start_offset, cut_number FROM ` +
    `${await relation('sluice.cuts')} WHERE source IS NOT NULL), ` +
    `seen(cut_number, seen_us) AS (VALUES ${seen.join(', ')}), ` +
    `placed AS (SELECT received_us, cut_number FROM messages m ASOF JOIN parts p ` +
    `ON m.source = p.source AND m.source_partition = p.source_partition ` +
    `AND m.source_offset >= p.start_offset), ` +
    `waits AS (SELECT seen_us - received_us AS wait_us FROM placed p ASOF JOIN seen s ` +
    `ON p.cut_number <= s.cut_number) ` +
    `SELECT count(*) AS messages, quantile_disc(wait_us, 0.5) AS p50, ` +
    `quantile_disc(wait_us, 0.99) AS p99, max(wait_us) AS most FROM waits`
  )
}
