import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { LoopOptions } from '../../../pipelines/loop/loop-context.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { replay, type ReplayResult } from '../../../pipelines/replay/replay.ts'
import type { ReplayOptions } from '../../../pipelines/replay/replay-options.ts'
import { sealUntil } from '../../../pipelines/replay/seal-until.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { INPUT_START_US } from '../loop/generate-input.ts'

export const DAY_US = 86_400_000_000n
/** The day of most of a generated input's first rows; the next one has the others. */
export const FIRST_DAY = INPUT_START_US / DAY_US

/** Days before a generated input's start that late rows reach back to, and the two that it has. */
export const WHOLE_RANGE = { fromDay: FIRST_DAY - 2n, toDay: FIRST_DAY + 2n }

/** A lake in memory whose clock is days behind the input, so that its days can be sealed. */
export function openReplayLake(
  options: Partial<Parameters<typeof openMemoryLake>[0]> = {},
): Promise<Lake> {
  return openMemoryLake({ clock: createTestClock(INPUT_START_US + 10n * DAY_US), ...options })
}

export async function stream(
  lake: Lake,
  messages: readonly ListedMessage[],
  batchSizes: readonly number[],
  options: Partial<LoopOptions> = {},
): Promise<void> {
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      lake,
      source: createListSource({ messages, batchSizes, scratchDir, ids }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      ...options,
    },
    new AbortController().signal,
  )
}

/** Closes every day of the input. */
export async function sealAll(lake: Lake): Promise<void> {
  await sealUntil({ lake, writer: 'test', untilUs: INPUT_START_US + 5n * DAY_US })
}

export function runReplay(
  lake: Lake,
  options: Partial<Omit<ReplayOptions, 'lake'>> = {},
): Promise<ReplayResult> {
  return replay(
    { lake, writer: 'replay', range: WHOLE_RANGE, layers: 'silver,gold', ...options },
    new AbortController().signal,
  )
}

/** Cuts that a replay made. */
export function cutsOf({ chunks }: ReplayResult): number[] {
  return chunks.flatMap(({ committed }) => (committed === undefined ? [] : [committed.cutNumber]))
}

/** Silver, gold and the refusals, as hashes of what they say. */
export async function readAll(lake: Lake): Promise<Record<string, string>> {
  const rejected = await readRows<{ text: string }>(
    lake,
    'silver.rejected_messages',
    `SELECT count(*) || ' ' || coalesce(sum(hash(kind, format, source, source_partition, ` +
      `source_offset, source_row, payload, reason, detail, event_ts, ingested_ts)::HUGEINT), 0) ` +
      'AS text FROM t',
  )
  return { ...(await readContentHashes(lake)), rejected: rejected[0]?.text ?? '' }
}
