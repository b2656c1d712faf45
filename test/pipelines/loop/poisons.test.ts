import { isUtf8 } from 'node:buffer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { kinds } from '../../../shared-transforms/kind.ts'
import { RECEIVED_US, stockTrade, type TestMessage } from '../../shared-transforms/messages.ts'
import { poisons } from '../../shared-transforms/poisons.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'
import { goodMessages } from './good-messages.ts'

const MESSAGE_COUNT = 10_000
/** Three cuts: poisons in a first batch, and in batches that find everything there. */
const BATCH_SIZES = [4_000, 4_000, 2_000]
const IGNORED_EVERY = 97
const ignoredFrame = '{"stream":"btcusdt@depth@100ms","data":{"b":[["1.4","2"]],"a":[]}}'

interface Placed {
  readonly message: TestMessage
  /** 'good', 'ignored', or the reason of a poison. */
  readonly fate: string
}

const isRefused = ({ fate }: Placed) => fate !== 'good' && fate !== 'ignored'

/** The poisons of a format evenly among good messages; the row that one contradicts comes first. */
function placeMessages(format: string): Placed[] {
  const ofFormat = poisons.filter((poison) => poison.format === format)
  const good = goodMessages[format]
  if (good === undefined) throw new Error(`no good messages of ${format}`)
  const distance = Math.floor(MESSAGE_COUNT / (ofFormat.length + 1))
  return Array.from({ length: MESSAGE_COUNT }, (_, offset): Placed => {
    const poison =
      offset % distance === distance - 1 ? ofFormat[Math.floor(offset / distance)] : undefined
    if (poison !== undefined) return { message: poison, fate: poison.reason }
    if (offset === 0 && format === 'stock-json') {
      return { message: { payload: stockTrade({}) }, fate: 'good' }
    }
    if (format === 'binance-frames' && offset % IGNORED_EVERY === 0) {
      return { message: { payload: ignoredFrame }, fate: 'ignored' }
    }
    return { message: good(offset), fate: 'good' }
  })
}

function listed(format: string, { message }: Placed, offset: number): ListedMessage {
  const { payload, headers, receivedUs = RECEIVED_US } = message
  return {
    part: { source: `test:${format}`, partition: 0 },
    format,
    offset: BigInt(offset),
    payload,
    ...(receivedUs === null ? {} : { receivedUs }),
    ...(headers === undefined || headers === null ? {} : { headers }),
  }
}

interface StoredMessage {
  readonly source_offset: bigint
  /** The stored text's bytes. */
  readonly payload_hex: string | null
  readonly payload_encoding: string
  readonly headers: string | null
}

/** A payload as it must be stored: text where the bytes are text, else base64. */
function stored({ payload, headers = null }: TestMessage, offset: number): StoredMessage {
  const source_offset = BigInt(offset)
  if (payload === null) {
    return { source_offset, payload_hex: null, payload_encoding: 'utf-8', headers }
  }
  const bytes = Buffer.from(payload)
  const encoding = isUtf8(bytes) ? 'utf-8' : 'base64'
  const text = encoding === 'utf-8' ? bytes : Buffer.from(bytes.toString('base64'))
  const payload_hex = text.toString('hex').toUpperCase()
  return { source_offset, payload_hex, payload_encoding: encoding, headers }
}

async function readAll<T>(lake: Lake, tables: readonly string[], sql: string): Promise<T[]> {
  const rows: T[] = []
  for (const table of tables) rows.push(...(await readRows<T>(lake, table, sql)))
  return rows
}

const byOffset = (a: { source_offset: bigint }, b: { source_offset: bigint }) =>
  Number(a.source_offset - b.source_offset)

const STORED_COLUMNS = 'source_offset, hex(payload) AS payload_hex, payload_encoding, headers'
const bronzeTables = kinds.map((kind) => `bronze.${kind}_messages`)
const silverTables = kinds.map((kind) => `silver.${kind}s`)

describe.each(['stock-json', 'binance-frames', 'lean-trades', 'bitfinex-klines'])(
  'poisons among 10,000 messages of %s',
  (format) => {
    const placed = placeMessages(format)
    // An hour after the receipt: only its own receive time makes an event be in the future.
    const clock = createTestClock(RECEIVED_US + 3_600_000_000n)
    let lake: Lake

    beforeAll(async () => {
      lake = await openMemoryLake({ clock })
      const messages = placed.map((each, offset) => listed(format, each, offset))
      await runList(lake, messages, BATCH_SIZES)
    })

    afterAll(() => lake.close())

    it('holds every poison of the format', () => {
      const refused = placed.filter(isRefused)
      expect(new Set(refused.map(({ message }) => message))).toEqual(
        new Set(poisons.filter((poison) => poison.format === format)),
      )
    })

    it('are refused alone, each with its reason, and all others are in silver', async () => {
      type Fate = { source_offset: bigint; fate: string }
      const fates = [
        ...(await readAll<Fate>(lake, silverTables, `SELECT source_offset, 'good' AS fate FROM t`)),
        ...(await readAll<Fate>(
          lake,
          ['silver.rejected_messages'],
          `SELECT source_offset, reason AS fate FROM t`,
        )),
        ...(await readAll<Fate>(
          lake,
          bronzeTables,
          `SELECT source_offset, 'ignored' AS fate FROM t WHERE is_ignored`,
        )),
      ].sort(byOffset)
      const expected = placed.map(({ fate }, offset) => ({ source_offset: BigInt(offset), fate }))
      expect(fates).toEqual(expected)
    })

    it('are in bronze with all others, byte for byte', async () => {
      const rows = await readAll<StoredMessage>(
        lake,
        bronzeTables,
        `SELECT ${STORED_COLUMNS} FROM t`,
      )
      expect(rows.sort(byOffset)).toEqual(
        placed.map(({ message }, offset) => stored(message, offset)),
      )
    })

    it('keep their payload where they are refused', async () => {
      const rows = await readAll<StoredMessage>(
        lake,
        ['silver.rejected_messages'],
        `SELECT ${STORED_COLUMNS} FROM t`,
      )
      const refused = placed.flatMap((each, offset) =>
        isRefused(each) ? [stored(each.message, offset)] : [],
      )
      expect(rows.sort(byOffset)).toEqual(refused)
    })

    it('leave silver and gold as they are without them', async () => {
      const alone = await openMemoryLake({ clock })
      try {
        const messages = placed.flatMap((each, offset) =>
          isRefused(each) ? [] : [listed(format, each, offset)],
        )
        await runList(alone, messages, [MESSAGE_COUNT])
        expect(await readContentHashes(lake)).toEqual(await readContentHashes(alone))
      } finally {
        await alone.close()
      }
    })

    it('are counted, and the counts add up', async () => {
      const countOf = (is: (fate: string) => boolean) =>
        BigInt(placed.filter(({ fate }) => is(fate)).length)
      const refused = countOf((fate) => fate === 'conflicting-duplicate')
      const ignored = countOf((fate) => fate === 'ignored')
      const good = countOf((fate) => fate === 'good')
      const all = BigInt(MESSAGE_COUNT)
      expect(await receiptProblems(lake)).toEqual([])
      expect(await readTotals(lake)).toEqual({
        message_count: all,
        decoded_count: good + refused,
        ignored_count: ignored,
        rejected_count: all - good - refused - ignored,
        row_count: good + refused,
        silver_count: good,
        duplicate_count: 0n,
        refused_count: refused,
      })
    })
  },
)
