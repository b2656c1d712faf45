import { rm } from 'node:fs/promises'
import type { IdSource } from '../../tables/clock.ts'
import { createFrameWriter } from '../../pipelines/sources/framing.ts'
import {
  partKey,
  type MicroBatch,
  type PartProgress,
  type Source,
  type SourcePart,
} from '../../pipelines/sources/source.ts'

/** One message of a test's input. */
export interface ListedMessage {
  readonly part: SourcePart
  readonly format: string
  readonly offset: bigint
  readonly payload: string | Uint8Array | null
  readonly receivedUs?: bigint
  readonly key?: string
  /** A JSON object as text. */
  readonly headers?: string
}

/**
 * A source over a list, cut into batches where the test says: `batchSizes` are used one after
 * the other, the last one again and again. Messages before the committed ends are skipped.
 */
export function createListSource(options: {
  readonly messages: readonly ListedMessage[]
  readonly batchSizes: readonly number[]
  readonly scratchDir: string
  readonly ids: IdSource
  /** Ends after this many batches, as a process does that is stopped. */
  readonly batchCountMax?: number
  /** Parts that never hold a message. */
  readonly deadParts?: readonly SourcePart[]
}): Source {
  let rest: readonly ListedMessage[] = []
  let ends = new Map<string, bigint>()
  const parts = new Map(
    [...options.messages.map(({ part }) => part), ...(options.deadParts ?? [])].map((part) => [
      partKey(part),
      part,
    ]),
  )
  let batchCount = 0
  return {
    name: 'list',
    open: (positions) => {
      ends = new Map(positions)
      rest = options.messages.filter(
        ({ part, offset }) => offset >= (ends.get(partKey(part)) ?? 0n),
      )
      return Promise.resolve()
    },
    next: () => {
      if (rest.length === 0 || batchCount === options.batchCountMax)
        return Promise.resolve(undefined)
      const size = options.batchSizes[Math.min(batchCount, options.batchSizes.length - 1)] ?? 1
      batchCount += 1
      const taken = rest.slice(0, size)
      rest = rest.slice(size)
      const batch = frame(taken, parts, ends, rest, options)
      for (const { part, endOffset } of batch.progress) ends.set(partKey(part), endOffset)
      return Promise.resolve(batch)
    },
    release: async (batch) => {
      for (const { bulkFile } of batch.segments) if (bulkFile !== undefined) await rm(bulkFile)
    },
    committed: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function frame(
  messages: readonly ListedMessage[],
  parts: ReadonlyMap<string, SourcePart>,
  starts: ReadonlyMap<string, bigint>,
  rest: readonly ListedMessage[],
  options: { readonly scratchDir: string; readonly ids: IdSource },
): MicroBatch {
  const partList = [...parts.values()]
  const indexOf = new Map(partList.map((part, index) => [partKey(part), index]))
  const segments = [...new Set(messages.map(({ format }) => format))].map((format) => {
    const writer = createFrameWriter(options)
    for (const message of messages.filter((each) => each.format === format)) {
      writer.add(indexOf.get(partKey(message.part)) ?? 0, {
        offset: message.offset.toString(),
        receivedUs: message.receivedUs?.toString() ?? '',
        key: message.key === undefined ? null : Buffer.from(message.key),
        headers: message.headers,
        payload:
          typeof message.payload === 'string' ? Buffer.from(message.payload) : message.payload,
      })
    }
    return { format, parts: partList, ...writer.finish() }
  })
  const progress = partList.map((part): PartProgress => {
    const key = partKey(part)
    const own = messages.filter((message) => partKey(message.part) === key)
    const startOffset = starts.get(key) ?? 0n
    const last = own.at(-1)
    const endOffset = last === undefined ? startOffset : last.offset + 1n
    const waiting = rest.filter((message) => partKey(message.part) === key)
    return {
      part,
      startOffset,
      endOffset,
      messageCount: own.length,
      isAtEnd: waiting.length === 0,
      isFinished: false,
      logEndOffset: (waiting.at(-1)?.offset ?? endOffset - 1n) + 1n,
    }
  })
  const sizeBytes = messages.reduce((sum, message) => sum + (message.payload?.length ?? 0), 0)
  return { segments, progress, messageCount: messages.length, sizeBytes }
}
