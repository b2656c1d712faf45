import { beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { Session } from '../../../tables/engine/engine.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { RECEIVED_US, type TestMessage } from '../../shared-transforms/messages.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'
import { goodMessages } from './good-messages.ts'

const MESSAGE_COUNT = 21_000
/** Steps fail on a payload that holds it; in the note of a stock message it means nothing. */
const MARK = 'the engine stumbles here'
/** One batch after the other fails. */
const BATCH_SIZES = [8_000, 5_000, 8_000]
/** One batch so large that its messages are not kept in a table. */
const LARGE_BATCH = [MESSAGE_COUNT]
/** The first, the last, and two in a row on both sides of where their batch is halved. */
const FAILING = [0, 10_499, 10_500, 20_999]

const clock = createTestClock(RECEIVED_US + 3_600_000_000n)

/** True where the payload is a failing one; then the engine throws, and its text holds `says`. */
const throwsOnMark = (says: string) =>
  `CASE WHEN contains(payload, '${MARK}') THEN CAST(error('${says}') AS BOOLEAN) ELSE true END`

/** A session whose statements are changed on their way to the engine. */
function rewriting(session: Session, rewrite: (sql: string) => string): Session {
  return {
    ...session,
    run: (sql) => session.run(rewrite(sql)),
    runKept: (sql) => session.runKept(rewrite(sql)),
  }
}

function withSession(lake: Lake, wrap: (session: Session) => Session): Lake {
  const connect = async () => wrap(await lake.engine.connect())
  return { ...lake, engine: { ...lake.engine, connect } }
}

const isDecoding = (sql: string) =>
  /^INSERT INTO decoded_\w+ BY NAME SELECT \*, (true|false) AS is_event_time_received/.test(sql)

/** Makes decoding throw on marked payloads, in the engine itself. */
const failDecoding = (says: string) => (sql: string) =>
  isDecoding(sql) ? `${sql} WHERE ${throwsOnMark(says)}` : sql

/** The same for routing. */
const failRouting = (says: string) => (sql: string) => {
  const query = /^INSERT INTO routed BY NAME (.*)$/s.exec(sql)?.[1]
  if (query === undefined || query.includes('FROM framed WHERE rowid =')) return sql
  return `INSERT INTO routed BY NAME SELECT * FROM (${query}) WHERE ${throwsOnMark(says)}`
}

/** Stock messages, every hundredth a Binance frame beside them. */
function makeMessages(failing: readonly number[]): ListedMessage[] {
  return Array.from({ length: MESSAGE_COUNT }, (_, index): ListedMessage => {
    const isFailing = failing.includes(index)
    const format = index % 100 === 50 ? 'binance-frames' : 'stock-json'
    const { payload, receivedUs }: TestMessage = goodMessages[format]?.(index) ?? { payload: null }
    const text = String(payload)
    return {
      part: { source: `test:${format}`, partition: 0 },
      format,
      offset: BigInt(index),
      payload: isFailing ? text.replace('{', `{"mark":"${MARK}",`) : text,
      ...(receivedUs === undefined || receivedUs === null ? {} : { receivedUs }),
    }
  })
}

/** Silver and gold of a lake that never saw the failing messages. */
async function contentWithoutFailing(): Promise<Record<string, string>> {
  const lake = await openMemoryLake({ clock })
  try {
    const messages = makeMessages([]).filter(({ offset }) => !FAILING.includes(Number(offset)))
    await runList(lake, messages, [MESSAGE_COUNT])
    return await readContentHashes(lake)
  } finally {
    await lake.close()
  }
}

describe('a message that the engine fails on', () => {
  let expectedContent: Record<string, string>

  beforeAll(async () => {
    expectedContent = await contentWithoutFailing()
  })

  it.each([
    ['decoding', failDecoding, 'out of its depth', BATCH_SIZES],
    ['routing', failRouting, 'out of its depth', BATCH_SIZES],
    ['routing of a large batch', failRouting, 'out of its depth', LARGE_BATCH],
    ['decoding of a large batch', failDecoding, 'no Parser Error at all', LARGE_BATCH],
    [
      'decoding, in words of a wrong statement',
      failDecoding,
      'no Parser Error at all',
      BATCH_SIZES,
    ],
  ])('in %s is refused alone, and all others are there', async (_, fail, says, batchSizes) => {
    const lake = await openMemoryLake({ clock })
    try {
      const messages = makeMessages(FAILING)
      const failing = withSession(lake, (session) => rewriting(session, fail(says)))
      await runList(failing, messages, batchSizes)

      const rejected = await readRows<{ source_offset: bigint; detail: string }>(
        lake,
        'silver.rejected_messages',
        'SELECT source_offset, kind, reason, payload, detail FROM t ORDER BY source_offset',
      )
      expect(rejected).toEqual(
        FAILING.map((offset) => ({
          source_offset: BigInt(offset),
          kind: 'trade',
          reason: 'engine-error',
          payload: messages[offset]?.payload,
          detail: expect.stringContaining(says) as string,
        })),
      )
      expect(await receiptProblems(lake)).toEqual([])
      expect(await readTotals(lake)).toMatchObject({
        message_count: BigInt(MESSAGE_COUNT),
        rejected_count: BigInt(FAILING.length),
        silver_count: BigInt(MESSAGE_COUNT - FAILING.length),
      })
      expect(await readContentHashes(lake)).toEqual(expectedContent)
    } finally {
      await lake.close()
    }
  })
})

describe('an engine that fails on every message', () => {
  it('stops the loop where the machine is at fault, and refuses none of them', async () => {
    const lake = await openMemoryLake({ clock })
    try {
      const full = (sql: string) => {
        if (!isDecoding(sql)) return sql
        throw new SluiceError('storage-unavailable', 'The disk is full.')
      }
      const failing = withSession(lake, (session) => rewriting(session, full))
      const run = runList(failing, makeMessages([]).slice(0, 100), [100])
      await expect(run).rejects.toMatchObject({ kind: 'storage-unavailable' })
      const cuts = await lake.catalog.loadTable({ namespace: ['sluice'], name: 'cuts' })
      expect(cuts?.metadata.snapshots).toEqual([])
    } finally {
      await lake.close()
    }
  })
})
