import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFetchResponse } from '../../../pipelines/sources/kafka-fetch-response.ts'

/** kafkajs's own encoder and decoder: the second opinion. Not in its types. */
const require = createRequire(import.meta.url)
const inside = (path: string): unknown => require(`kafkajs/src/protocol/${path}`)
interface Encoder {
  readonly buffer: Buffer
}
type EncodeRecord = (record: object) => Encoder
type EncodeBatch = (batch: object) => Promise<Encoder>
const encodeRecord = inside('recordBatch/record/v0') as EncodeRecord
const { RecordBatch: encodeBatch } = inside('recordBatch/v0') as { RecordBatch: EncodeBatch }
const reference = inside('requests/fetch/v11/response') as {
  decode(bytes: Buffer): Promise<{ responses: { partitions: { messages: object[] }[] }[] }>
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const record = fc.record({
  timestampDelta: fc.integer({ min: -5_000_000_000, max: 5_000_000_000 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(
    // kafkajs takes what every object has by inheritance for an earlier header.
    fc.oneof(
      fc.string().filter((name) => !(name in {})),
      fc.constant('received-ts-us'),
    ),
    fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })),
    { maxKeys: 3 },
  ),
})
const batch = fc.record({
  firstOffset: fc.integer({ min: 0, max: 2 ** 48 }),
  firstTimestamp: fc.integer({ min: -1, max: 2 ** 45 }),
  producerId: fc.integer({ min: -1, max: 2 ** 40 }),
  transactional: fc.boolean(),
  compression: fc.constantFrom(0, 1),
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
})

type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never

async function encode({ records, ...facts }: Batch): Promise<Buffer> {
  const encoded = records.map((each, offsetDelta) => encodeRecord({ ...each, offsetDelta }))
  const lastOffsetDelta = records.length - 1
  return (await encodeBatch({ ...facts, lastOffsetDelta, records: encoded })).buffer
}

/** An answer with one partition. */
function answerOf(batches: readonly Buffer[]): Buffer {
  const all = Buffer.concat(batches)
  const head = Buffer.alloc(10)
  const topic = Buffer.from(
    '\u0000\u0000\u0000\u0001\u0000\u0001t\u0000\u0000\u0000\u0001',
    'latin1',
  )
  const partition = Buffer.alloc(4 + 2 + 8 * 3 + 4 + 16 + 4 + 4)
  partition.writeInt32BE(3, 0)
  partition.writeBigInt64BE(90n, 6)
  partition.writeInt32BE(1, 30)
  partition.writeBigInt64BE(7n, 34)
  partition.writeBigInt64BE(11n, 42)
  partition.writeInt32BE(-1, 50)
  partition.writeInt32BE(all.length, 54)
  return Buffer.concat([head, topic, partition, all])
}

/** What kafkajs's own classes read of a message. */
const readOf = (message: object) => {
  const { batchContext, ...rest } = message as {
    batchContext: { producerId: string; inTransaction: boolean }
  }
  const { producerId, inTransaction } = batchContext
  return { ...rest, batchContext: { producerId, inTransaction } }
}

describe('an answer to a fetch', () => {
  it('is decoded as kafkajs does it, plain and gzip, whatever records and headers hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 4 }), async (batches) => {
        const answer = answerOf(await Promise.all(batches.map(encode)))
        const ours = decodeFetchResponse(answer)
        const theirs = await reference.decode(answer)
        expect(ours?.responses[0]?.partitions[0]?.messages.map(readOf)).toEqual(
          theirs.responses[0]?.partitions[0]?.messages.map(readOf),
        )
        const withoutMessages = (response: object) =>
          JSON.stringify(response, (key, value: unknown) => (key === 'messages' ? [] : value))
        expect(withoutMessages(ours ?? {})).toBe(withoutMessages(theirs))
      }),
      { numRuns: 200 },
    )
  })

  const plain: Batch = {
    firstOffset: 5,
    firstTimestamp: 1000,
    producerId: 9,
    transactional: false,
    compression: 0,
    records: [{ timestampDelta: 0, key: null, value: Buffer.from('a'), headers: {} }],
  }
  const messagesOf = (answer: Buffer) =>
    decodeFetchResponse(answer)?.responses[0]?.partitions[0]?.messages.map((message) => [
      message.offset,
      message.value?.toString(),
      message.isControlRecord,
    ])

  it('keeps headers of names that every object has', async () => {
    const headers = { ['__proto__']: Buffer.from('a'), toString: Buffer.from('b') }
    const [first] = plain.records
    const answer = answerOf([await encode({ ...plain, records: [{ ...first, headers }] as never })])
    const [message] = decodeFetchResponse(answer)?.responses[0]?.partitions[0]?.messages ?? []
    expect(Object.entries(message?.headers ?? {})).toEqual(Object.entries(headers))
  })

  it('ends before a batch that is cut off, at every byte of it', async () => {
    const whole = await encode(plain)
    const next = await encode({ ...plain, firstOffset: 6 })
    for (let length = 0; length < next.length; length += 1) {
      const answer = answerOf([whole, next.subarray(0, length)])
      expect(messagesOf(answer), String(length)).toEqual([['5', 'a', false]])
    }
  })

  it('passes the end of a batch whose last records were compacted away, and an empty one', async () => {
    const shortened = await encode(plain)
    shortened.writeInt32BE(3, 23)
    const empty = await encode({ ...plain, firstOffset: 9, records: [] })
    empty.writeInt32BE(1, 23)
    expect(messagesOf(answerOf([shortened, empty]))).toEqual([
      ['5', 'a', false],
      ['8', undefined, true],
      ['10', undefined, true],
    ])
  })

  it('leaves to kafkajs what it does not know: other codecs, old formats, broken bytes', async () => {
    const snappy = await encode(plain)
    snappy.writeInt16BE(2, 21)
    const old = await encode(plain)
    old.writeInt8(1, 16)
    const broken = answerOf([await encode(plain)]).subarray(0, 40)
    for (const answer of [answerOf([snappy]), answerOf([old]), broken]) {
      expect(decodeFetchResponse(answer)).toBeUndefined()
    }
  })
})
