import type { IdSource } from '../../tables/clock.ts'
import type { LocalLog, LogReader } from '../producers/local-log.ts'
import type { LogBlock } from '../producers/segment-file.ts'
import { readRecords } from '../producers/segment-file.ts'
import type { BatchBuffer, PartSlot } from './batch-buffer.ts'
import { createBatchBuffer } from './batch-buffer.ts'
import type { Source, SourcePart } from './source.ts'
import { partKey } from './source.ts'

export interface LogSourceOptions {
  readonly log: LocalLog
  readonly format: string
  readonly scratchDir: string
  readonly ids: IdSource
}

/**
 * A local log of this process as a source: one part, `log:<name>`. It wakes up with an append, and
 * segments whose records are committed are deleted. The log is the caller's: `close` leaves it open.
 * `open` throws data-loss where the log does not hold the position.
 */
export function createLogSource(options: LogSourceOptions): Source {
  const { log, format } = options
  const part: SourcePart = { source: `log:${log.name}`, partition: 0 }
  const buffer = createBatchBuffer(options)
  const waker = createWaker(log)
  let pumping: Promise<void> = Promise.resolve()

  return {
    name: part.source,
    open: (positions) => {
      const startOffset = positions.get(partKey(part)) ?? log.startOffset()
      const slot = buffer.addPart({
        format,
        part,
        startOffset,
        isAtEnd: () => slot.position() === log.endOffset(),
        logEndOffset: () => log.endOffset(),
      })
      const reader = log.reader(startOffset)
      pumping = pump({ log, buffer, slot, reader, waker })
      return Promise.resolve()
    },
    next: (limits, signal) => buffer.take(limits, signal),
    release: (batch) => {
      buffer.release(batch)
      return Promise.resolve()
    },
    committed: async (batch) => {
      const own = batch.progress.find((progress) => progress.part.source === part.source)
      if (own !== undefined) await log.deleteBefore(own.endOffset)
    },
    close: async () => {
      buffer.close()
      waker.close()
      await pumping
    },
  }
}

interface Pump {
  readonly log: LocalLog
  readonly buffer: BatchBuffer
  readonly slot: PartSlot
  readonly reader: LogReader
  readonly waker: Waker
}

/** Frames block after block until the source is closed. */
async function pump({ log, buffer, slot, reader, waker }: Pump): Promise<void> {
  try {
    while (!waker.isClosed()) {
      const block = await reader.next()
      if (block !== undefined) {
        if (!(await frameBlock(block, buffer, slot))) return
      } else if (log.endOffset() === slot.position()) {
        await waker.wait()
      }
    }
  } catch (error) {
    buffer.fail(error)
  } finally {
    await reader.close()
  }
}

/** False where the buffer was closed before the block was through. */
async function frameBlock(block: LogBlock, buffer: BatchBuffer, slot: PartSlot): Promise<boolean> {
  for (const record of readRecords(block, slot.position())) {
    if (!buffer.hasRoom()) {
      slot.advance(record.offset)
      if (!(await buffer.waitForRoom())) return false
    }
    slot.add({
      offset: String(record.offset),
      receivedUs: String(record.receivedUs),
      key: record.key,
      headers: record.headers,
      payload: record.payload,
    })
  }
  slot.advance(block.firstOffset + BigInt(block.recordCount))
  return true
}

interface Waker {
  /** Resolves with the next append, or when it is closed. */
  wait(): Promise<void>
  isClosed(): boolean
  close(): void
}

function createWaker(log: LocalLog): Waker {
  let isClosed = false
  let wake: () => void = () => undefined
  const stopListening = log.onAppend(() => wake())
  return {
    wait: () =>
      new Promise((resolve) => {
        wake = resolve
        if (isClosed) resolve()
      }),
    isClosed: () => isClosed,
    close: () => {
      isClosed = true
      stopListening()
      wake()
    },
  }
}
