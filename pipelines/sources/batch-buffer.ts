import type { IdSource } from '../../tables/clock.ts'
import type { FrameRecord, FrameWriter, Frames } from './framing.ts'
import { createFrameWriter, MAX_PARTS_PER_SEGMENT, removeFrames } from './framing.ts'
import type { BatchLimits, BatchSegment, MicroBatch, PartProgress, SourcePart } from './source.ts'

/**
 * The bounded buffer between a reader that runs by itself and the loop that takes batches:
 *
 *   reader ── add ──► filling batch (framed, on the scratch folder) ── take ──► loop
 *
 * While the engine works on one batch, the reader fills the next one, up to the limits; then it
 * waits in `waitForRoom`. So at most two batches exist, and memory holds none of their bytes.
 */
export interface BatchBuffer {
  /** Makes a part known: from now on every batch lists it, a finished file once more. */
  addPart(options: PartOptions): PartSlot
  /** Whether one more message fits. False until the first `take` has said the limits. */
  hasRoom(): boolean
  /** True as soon as there is room, false once the buffer is closed or has failed. */
  waitForRoom(): Promise<boolean>
  /** Counts the batches taken: the same number means the same filling batch. */
  batchNumber(): number
  /** The reader has nothing more: what is there is handed out, then `take` gives undefined. */
  end(): void
  /** The reader failed: the next `take` throws this. What was read before it is not handed out. */
  fail(error: unknown): void
  /** `Source.next` in full. */
  take(limits: BatchLimits, signal: AbortSignal): Promise<MicroBatch | undefined>
  /** Removes the file of a batch. */
  release(batch: MicroBatch): void
  /** Gives up what was not taken and wakes everybody. */
  close(): void
}

export interface PartOptions {
  readonly format: string
  readonly part: SourcePart
  readonly startOffset: bigint
  /** Asked when a batch is taken. */
  readonly isAtEnd: () => boolean
}

/** One part as its reader sees it. */
export interface PartSlot {
  readonly part: SourcePart
  /** The next offset to be read. */
  position(): bigint
  /** Frames one message; `advance` has to follow before the reader waits for anything. */
  add(record: FrameRecord): void
  /** Moves the part to an exclusive end, past holes as well. */
  advance(endOffset: bigint): void
  /** A file was read whole. */
  finish(): void
}

interface Slot {
  readonly options: PartOptions
  startOffset: bigint
  endOffset: bigint
  messageCount: number
  isFinished: boolean
  /** The part's index in the filling batch, -1 before its first message there. */
  index: number
}

interface Segment {
  readonly format: string
  readonly writer: FrameWriter
  readonly parts: SourcePart[]
}

interface Filling {
  readonly segments: Map<string, Segment>
  messageCount: number
  sizeBytes: number
  partCount: number
  isDue: boolean
  timer: NodeJS.Timeout | undefined
}

/** A batch buffer that frames into files of `scratchDir`. */
export function createBatchBuffer(options: {
  readonly scratchDir: string
  readonly ids: IdSource
}): BatchBuffer {
  let slots: Slot[] = []
  const bell = createBell()
  let filling = emptyFilling()
  let limits: BatchLimits | undefined
  let batchNumber = 0
  let hasEnded = false
  let isClosed = false
  let failure: { readonly error: unknown } | undefined

  const hasRoom = () =>
    limits !== undefined &&
    filling.messageCount < limits.rows &&
    filling.sizeBytes < limits.bytes &&
    filling.partCount < MAX_PARTS_PER_SEGMENT

  const startTimer = () => {
    const started = filling
    started.timer = setTimeout(() => {
      started.isDue = true
      bell.ring()
    }, limits?.timeMs ?? 0)
  }

  const addMessage = (slot: Slot, record: FrameRecord) => {
    const segment = segmentOf(filling, slot.options.format, options)
    if (slot.index < 0) {
      slot.index = segment.parts.push(slot.options.part) - 1
      filling.partCount += 1
    }
    filling.sizeBytes += segment.writer.add(slot.index, record)
    slot.messageCount += 1
    filling.messageCount += 1
    if (filling.messageCount === 1) {
      startTimer()
      bell.ring()
    } else if (!hasRoom()) {
      bell.ring()
    }
  }

  const takeFilling = (): MicroBatch => {
    const taken = filling
    clearTimeout(taken.timer)
    const segments = finishSegments(taken)
    const progress = slots.map(progressOf)
    // A file that was read whole is told once: a lake keeps it as a row and does not carry it on.
    slots = slots.filter((slot) => !slot.isFinished)
    for (const slot of slots) resetSlot(slot)
    filling = emptyFilling()
    batchNumber += 1
    bell.ring()
    const { messageCount, sizeBytes } = taken
    return { segments, progress, messageCount, sizeBytes }
  }

  /** What `take` answers now, or what it waits for. */
  const state = (): 'failed' | 'closed' | 'ended' | 'ready' | 'filling' | 'empty' => {
    if (failure !== undefined) return 'failed'
    if (isClosed) return 'closed'
    if (hasEnded) {
      const hasNews = slots.some((slot) => slot.isFinished)
      return filling.messageCount > 0 || hasNews ? 'ready' : 'ended'
    }
    if (filling.messageCount === 0) return 'empty'
    return filling.isDue || !hasRoom() ? 'ready' : 'filling'
  }

  return {
    addPart: (part) => {
      const slot = slotOf(part)
      slots.push(slot)
      return partSlotOf(slot, addMessage)
    },
    hasRoom,
    waitForRoom: async () => {
      while (!isClosed && failure === undefined) {
        if (hasRoom()) return true
        await bell.wait()
      }
      return false
    },
    batchNumber: () => batchNumber,
    end: () => {
      hasEnded = true
      bell.ring()
    },
    fail: (error) => {
      failure ??= { error }
      bell.ring()
    },
    take: async (wanted, signal) => {
      limits = wanted
      bell.ring()
      const patience = startPatience(wanted.timeMs, signal, bell.ring)
      try {
        for (;;) {
          const now = state()
          if (now === 'failed') throw failure?.error
          if (now === 'closed' || now === 'ended') return undefined
          const isTired = signal.aborted || (now === 'empty' && patience.isOver())
          if (now === 'ready' || isTired) return takeFilling()
          await bell.wait()
        }
      } finally {
        patience.stop()
      }
    },
    release: (batch) => {
      for (const segment of batch.segments) removeFrames(segment)
    },
    close: () => {
      isClosed = true
      clearTimeout(filling.timer)
      for (const segment of filling.segments.values()) segment.writer.discard()
      filling = emptyFilling()
      bell.ring()
    },
  }
}

function emptyFilling(): Filling {
  return {
    segments: new Map(),
    messageCount: 0,
    sizeBytes: 0,
    partCount: 0,
    isDue: false,
    timer: undefined,
  }
}

function segmentOf(
  filling: Filling,
  format: string,
  options: { readonly scratchDir: string; readonly ids: IdSource },
): Segment {
  let segment = filling.segments.get(format)
  if (segment === undefined) {
    segment = { format, writer: createFrameWriter(options), parts: [] }
    filling.segments.set(format, segment)
  }
  return segment
}

function finishSegments(filling: Filling): BatchSegment[] {
  return [...filling.segments.values()].map(({ format, writer, parts }) => {
    const frames: Frames = writer.finish()
    return { format, parts, ...frames }
  })
}

function slotOf(options: PartOptions): Slot {
  return {
    options,
    startOffset: options.startOffset,
    endOffset: options.startOffset,
    messageCount: 0,
    isFinished: false,
    index: -1,
  }
}

function partSlotOf(slot: Slot, addMessage: (slot: Slot, record: FrameRecord) => void): PartSlot {
  return {
    part: slot.options.part,
    position: () => slot.endOffset,
    add: (record) => addMessage(slot, record),
    advance: (endOffset) => {
      slot.endOffset = endOffset
    },
    finish: () => {
      slot.isFinished = true
    },
  }
}

function progressOf(slot: Slot): PartProgress {
  const { options, startOffset, endOffset, messageCount, isFinished } = slot
  const isAtEnd = isFinished || options.isAtEnd()
  return { part: options.part, startOffset, endOffset, messageCount, isAtEnd, isFinished }
}

function resetSlot(slot: Slot): void {
  slot.startOffset = slot.endOffset
  slot.messageCount = 0
  slot.index = -1
}

/** Wakes everybody who waits; those who wait look for themselves whether it concerns them. */
function createBell(): { ring(): void; wait(): Promise<void> } {
  let waiting: (() => void)[] = []
  return {
    ring: () => {
      if (waiting.length === 0) return
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
    wait: () => new Promise((resolve) => waiting.push(resolve)),
  }
}

/** How long `take` waits for a first message, and the signal that ends any waiting. */
function startPatience(
  timeMs: number,
  signal: AbortSignal,
  wake: () => void,
): { isOver(): boolean; stop(): void } {
  let isOver = false
  const timer = setTimeout(() => {
    isOver = true
    wake()
  }, timeMs)
  signal.addEventListener('abort', wake)
  return {
    isOver: () => isOver,
    stop: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
    },
  }
}
