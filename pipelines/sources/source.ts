/**
 * Where messages come from. A source frames bytes so that the engine reads them in bulk; it knows
 * nothing of kinds, columns or tables.
 */
export interface SourcePart {
  /**
   * `kafka:<topic>` (`kafka:<topic>@2` once it was made again), `log:<name>`,
   * `file:<sha256>:<size>[:<entry>]`; `rangedSource` names some days of a file.
   */
  readonly source: string
  /** Kafka partition; 0 for a log and for a file. */
  readonly partition: number
}

/** `source` and `partition` as one map key. */
export function partKey(part: SourcePart): string {
  return `${part.source}#${part.partition}`
}

/** A file ends some day; a topic and a log never do. */
export function isFilePart(part: SourcePart): boolean {
  return part.source.startsWith('file:')
}

/** What a message says, as bronze keeps it. */
export interface MessageContent {
  readonly key: string | undefined
  /** Undefined for a tombstone. Base64 where `payloadEncoding` is `base64`. */
  readonly payload: string | undefined
  readonly payloadEncoding: 'utf-8' | 'base64'
}

/** A message that the lake holds, and where. */
export interface LastMessage extends MessageContent {
  readonly offset: bigint
}

/** The lake's newest message of a part before an offset; undefined where none is near. */
export type LastMessageReader = (
  part: SourcePart,
  belowOffset: bigint,
) => Promise<LastMessage | undefined>

export function isSameContent(a: MessageContent, b: MessageContent): boolean {
  return a.key === b.key && a.payload === b.payload && a.payloadEncoding === b.payloadEncoding
}

/** A message that cannot travel as a framed line: a null, odd or huge one. Rare, slow, total. */
export interface SideMessage extends MessageContent {
  readonly partIndex: number
  readonly offset: bigint
  /** Microseconds; undefined where unknown. */
  readonly receivedUs: bigint | undefined
  /** A JSON object as text, undefined where there are no headers. */
  readonly headers: string | undefined
}

/** One format's messages of a micro-batch. */
export interface BatchSegment {
  readonly format: string
  /** Parts by the index that lines and side messages carry. */
  readonly parts: readonly SourcePart[]
  /** A file of framed lines (`framing.ts`), undefined where every message is a side message. */
  readonly bulkFile: string | undefined
  readonly bulkCount: number
  readonly side: readonly SideMessage[]
}

/** How far one part is read by the end of this batch; every known part is listed each time. */
export interface PartProgress {
  readonly part: SourcePart
  readonly startOffset: bigint
  /** Exclusive: the next start is a copy of it. */
  readonly endOffset: bigint
  readonly messageCount: number
  /** Read up to the end that the source reported while this batch was made. */
  readonly isAtEnd: boolean
  /** Exclusive end of the log, as the source last heard it; absent for a file. */
  readonly logEndOffset?: bigint
  /** A file that was read whole: it will never move again. */
  readonly isFinished: boolean
}

/** A part that stands where it is: nothing read, not known to be at its end. */
export function restingProgress(part: SourcePart, offset: bigint): PartProgress {
  const nothing = { messageCount: 0, isAtEnd: false, isFinished: false }
  return { part, startOffset: offset, endOffset: offset, ...nothing }
}

/** What a person gives up by going on without it. */
export interface PartLoss {
  /** Which offsets of what are gone, and where it goes on. */
  readonly what: string
  readonly progress: PartProgress
}

export interface MicroBatch {
  readonly segments: readonly BatchSegment[]
  readonly progress: readonly PartProgress[]
  readonly messageCount: number
  readonly sizeBytes: number
}

/** When a batch is full, whichever comes first. */
export interface BatchLimits {
  readonly rows: number
  readonly bytes: number
  /** Time since the batch's first message. */
  readonly timeMs: number
}

/** One reader of one or many parts. Called by one loop, one call at a time. */
export interface Source {
  readonly name: string
  /** Starts reading at the committed exclusive ends, by `partKey`. A part without one is new. */
  open(positions: ReadonlyMap<string, bigint>): Promise<void>
  /**
   * The next batch. It waits for the first message, at most `limits.timeMs`, then answers with an
   * empty batch. Undefined when the source has ended. `signal` makes it answer at once.
   */
  next(limits: BatchLimits, signal: AbortSignal): Promise<MicroBatch | undefined>
  /** Frees what the batch held on disk. Called once the cut is committed, or given up. */
  release(batch: MicroBatch): Promise<void>
  /** The cut with this batch is committed: old segments may go, group offsets may be written. */
  committed(batch: MicroBatch): Promise<void>
  /**
   * What the source holds at a position now; undefined where it holds nothing there any more, and
   * for a part that is not its own. Only sources have it whose parts another log can take the
   * place of under the same name. Called after `open`.
   */
  readMessageAt?(part: SourcePart, offset: bigint): Promise<MessageContent | undefined>
  /**
   * Where the source can no longer go on from these positions, and how it would all the same.
   * Called before `open`, and only where a person has accepted the loss.
   */
  findLosses?(
    positions: ReadonlyMap<string, bigint>,
    lastMessageOf: LastMessageReader,
  ): Promise<readonly PartLoss[]>
  close(): Promise<void>
}
