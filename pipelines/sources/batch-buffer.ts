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
  /** Exclusive end of the log as far as it is known; absent for a file. */
  readonly logEndOffset?: () => bigint
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

type FrameOptions = Parameters<typeof createFrameWriter>[0]

interface BufferState {
  readonly options: FrameOptions
  readonly bell: Bell
  slots: readonly Slot[]
  filling: Filling
  /** Unknown before the first `take`. */
  limits: BatchLimits | undefined
  batchNumber: number
  hasEnded: boolean
  isClosed: boolean
  failure: { readonly error: unknown } | undefined
}

/** A batch buffer that frames into files of `scratchDir`. */
export function createBatchBuffer(options: FrameOptions): BatchBuffer {
  const state: BufferState = {
    options: { scratchDir: options.scratchDir, ids: options.ids },
    bell: createBell(),
    slots: [],
    filling: emptyFilling(),
    limits: undefined,
    batchNumber: 0,
    hasEnded: false,
    isClosed: false,
    failure: undefined,
  }
  return {
    addPart: (part) => {
      const slot = slotOf(part)
      state.slots = [...state.slots, slot]
      return partSlotOf(state, slot)
    },
    hasRoom: () => hasRoom(state),
    waitForRoom: () => waitForRoom(state),
    batchNumber: () => state.batchNumber,
    end: () => {
      state.hasEnded = true
      state.bell.ring()
    },
    fail: (error) => {
      state.failure ??= { error }
      state.bell.ring()
    },
    take: (limits, signal) => take(state, limits, signal),
    release: (batch) => {
      for (const segment of batch.segments) removeFrames(segment)
    },
    close: () => {
      state.isClosed = true
      clearTimeout(state.filling.timer)
      for (const segment of state.filling.segments.values()) segment.writer.discard()
      state.filling = emptyFilling()
      state.bell.ring()
    },
  }
}

function hasRoom({ limits, filling, isClosed }: BufferState): boolean {
  return (
    !isClosed &&
    limits !== undefined &&
    filling.messageCount < limits.rows &&
    filling.sizeBytes < limits.bytes &&
    filling.partCount < MAX_PARTS_PER_SEGMENT
  )
}

async function waitForRoom(state: BufferState): Promise<boolean> {
  while (!state.isClosed && state.failure === undefined) {
    if (hasRoom(state)) return true
    await state.bell.wait()
  }
  return false
}

function addMessage(state: BufferState, slot: Slot, record: FrameRecord): void {
  const { filling, bell } = state
  const segment = segmentOf(filling, slot.options.format, state.options)
  if (slot.index < 0) {
    slot.index = segment.parts.push(slot.options.part) - 1
    filling.partCount += 1
  }
  filling.sizeBytes += segment.writer.add(slot.index, record)
  slot.messageCount += 1
  filling.messageCount += 1
  if (filling.messageCount === 1) {
    filling.timer = setTimeout(() => {
      filling.isDue = true
      bell.ring()
    }, state.limits?.timeMs ?? 0)
    bell.ring()
  } else if (!hasRoom(state)) {
    bell.ring()
  }
}

async function take(
  state: BufferState,
  limits: BatchLimits,
  signal: AbortSignal,
): Promise<MicroBatch | undefined> {
  const { bell } = state
  state.limits = limits
  bell.ring()
  const patience = startPatience(limits.timeMs, signal, () => bell.ring())
  try {
    for (;;) {
      const phase = phaseOf(state)
      if (phase === 'failed') throw state.failure?.error
      if (phase === 'over') return undefined
      const isTired = signal.aborted || (phase === 'empty' && patience.isOver())
      if (phase === 'full' || isTired) return takeFilling(state)
      await bell.wait()
    }
  } finally {
    patience.stop()
  }
}

/** What `take` finds: it answers where the batch is full, and waits where it is not. */
function phaseOf(state: BufferState): 'failed' | 'over' | 'full' | 'filling' | 'empty' {
  const { filling } = state
  if (state.failure !== undefined) return 'failed'
  if (state.isClosed) return 'over'
  if (state.hasEnded) {
    const hasNews = state.slots.some((slot) => slot.isFinished)
    return filling.messageCount > 0 || hasNews ? 'full' : 'over'
  }
  if (filling.messageCount === 0) return 'empty'
  return filling.isDue || !hasRoom(state) ? 'full' : 'filling'
}

function takeFilling(state: BufferState): MicroBatch {
  const { filling } = state
  clearTimeout(filling.timer)
  const segments = finishSegments(filling)
  const progress = state.slots.map(progressOf)
  // A file that was read whole is told once: a lake keeps it as a row and does not carry it on.
  state.slots = state.slots.filter((slot) => !slot.isFinished)
  for (const slot of state.slots) resetSlot(slot)
  state.filling = emptyFilling()
  state.batchNumber += 1
  state.bell.ring()
  const { messageCount, sizeBytes } = filling
  return { segments, progress, messageCount, sizeBytes }
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

function segmentOf(filling: Filling, format: string, options: FrameOptions): Segment {
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

function partSlotOf(state: BufferState, slot: Slot): PartSlot {
  return {
    part: slot.options.part,
    position: () => slot.endOffset,
    add: (record) => addMessage(state, slot, record),
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
  const logEndOffset = options.logEndOffset?.()
  return {
    ...{ part: options.part, startOffset, endOffset, messageCount, isAtEnd, isFinished },
    ...(logEndOffset === undefined ? {} : { logEndOffset }),
  }
}

function resetSlot(slot: Slot): void {
  slot.startOffset = slot.endOffset
  slot.messageCount = 0
  slot.index = -1
}

interface Bell {
  ring(): void
  wait(): Promise<void>
}

/** Wakes everybody who waits; those who wait look for themselves whether it concerns them. */
function createBell(): Bell {
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
