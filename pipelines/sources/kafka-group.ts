import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import { SluiceError } from '../../tables/errors.ts'
import { holderAssigner } from './holder-assigner.ts'
import type { Logger } from './logger.ts'

/** What a reader of a group does with what the group says. */
export interface GroupHandlers {
  /**
   * All partitions are ours; called within the join, before anything is fetched. It has to seek
   * every partition, as kafkajs would go on at the group's own offsets, which mean nothing here.
   */
  onAssigned(consumer: Consumer, partitions: ReadonlyMap<string, readonly number[]>): void
  /** Records of one partition. Throws only what kafkajs threw at it. */
  onBatch(payload: EachBatchPayload, consumer: Consumer): Promise<void>
  /** An answer with nothing to read in it: control records, or holes of a compacted log. */
  onHole(hole: GroupHole): void
  /** A broker is asked again: everything that it had answered before is handled. */
  onFetchStart(nodeId: number): void
  /** Reading is over for good. */
  onFailure(error: SluiceError): void
}

export interface GroupHole {
  readonly topic: string
  readonly partition: number
  readonly firstOffset: string | null
  readonly lastOffset: string
  readonly highWatermark: string
}

export interface GroupOptions {
  readonly kafka: Kafka
  readonly groupId: string
  readonly topics: readonly string[]
  readonly logger: Logger
  readonly sessionTimeoutMs: number
  /** How often the partitions of the topics are listed again. */
  readonly metadataMaxAgeMs: number
  /** How long a broker waits for new records before it answers with none. */
  readonly maxWaitMs: number
  readonly maxBytesPerPartition: number
  readonly handlers: GroupHandlers
}

export interface KafkaGroup {
  /** Joins and resolves when the partitions are ours, or when it is stopped before. */
  start(): Promise<void>
  /** The consumer that is running now, undefined between a crash and the next start. */
  consumer(): Consumer | undefined
  /** Leaves the group. Once it has resolved, no handler is called any more. */
  stop(): Promise<void>
}

const RESTART_DELAY_MAX_MS = 5000

interface GroupState {
  consumer: Consumer | undefined
  /** The start that is under way: a consumer must not be stopped in the middle of it. */
  starting: Promise<void>
  restartTimer: NodeJS.Timeout | undefined
  failureCount: number
  isHolding: boolean
  hasStoodBy: boolean
  isStopped: boolean
}

/** One member of a consumer group that is started again after a crash, until it is stopped. */
export function createKafkaGroup(options: GroupOptions): KafkaGroup {
  const state: GroupState = {
    consumer: undefined,
    starting: Promise.resolve(),
    restartTimer: undefined,
    failureCount: 0,
    isHolding: false,
    hasStoodBy: false,
    isStopped: false,
  }
  let settleStart: { resolve(): void; reject(error: unknown): void } | undefined

  const fail = (error: SluiceError) => {
    if (state.isStopped) return
    settleStart?.reject(error)
    options.handlers.onFailure(error)
  }

  const onJoined = (consumer: Consumer, assignment: Readonly<Record<string, number[]>>) => {
    state.failureCount = 0
    if (state.isStopped || consumer !== state.consumer) return
    const partitions = new Map(Object.entries(assignment))
    const change = holdingChange(state, partitions.size > 0)
    if (change === 'lost' || change === 'late') {
      fail(takenOver(options.groupId, change))
    } else if (change === 'waiting') {
      void sayWhoHolds(consumer, options)
    } else {
      options.handlers.onAssigned(consumer, partitions)
      settleStart?.resolve()
    }
  }

  const onCrash = (error: Error) => {
    state.consumer = undefined
    if (state.isStopped) return
    const fatal = fatalError(error, options.groupId)
    if (fatal !== undefined) {
      fail(fatal)
      return
    }
    state.failureCount += 1
    const delayMs = Math.min(RESTART_DELAY_MAX_MS, 250 * 2 ** Math.min(state.failureCount, 10))
    sayRestart(options, error, delayMs)
    state.restartTimer = setTimeout(launch, delayMs)
  }

  const launch = () => {
    if (state.isStopped) return
    const consumer = createConsumer(options, () => state.isHolding)
    state.consumer = consumer
    state.starting = runConsumer(consumer, options, { onJoined, onCrash }).catch(
      (error: unknown) => {
        if (consumer === state.consumer)
          onCrash(error instanceof Error ? error : new Error('unknown'))
      },
    )
  }

  return {
    start: () =>
      new Promise<void>((resolve, reject) => {
        settleStart = { resolve, reject }
        launch()
      }),
    consumer: () => state.consumer,
    stop: async () => {
      state.isStopped = true
      settleStart?.resolve()
      clearTimeout(state.restartTimer)
      // A disconnect in the middle of the first join leaves a consumer that goes on by itself.
      await state.starting
      await state.consumer?.disconnect()
    },
  }
}

function sayRestart({ groupId, logger }: GroupOptions, error: Error, delayMs: number): void {
  const fields = { groupId, reason: error.message, delayMs }
  logger.warn(fields, 'Kafka cannot be read at the moment, trying again')
}

function createConsumer(options: GroupOptions, isHolding: () => boolean): Consumer {
  return options.kafka.consumer({
    groupId: options.groupId,
    partitionAssigners: [holderAssigner(isHolding)],
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.sessionTimeoutMs,
    heartbeatInterval: Math.floor(options.sessionTimeoutMs / 5),
    metadataMaxAge: options.metadataMaxAgeMs,
    maxWaitTimeInMs: options.maxWaitMs,
    maxBytesPerPartition: options.maxBytesPerPartition,
    // Never the limit that counts: kafkajs asks in one fixed order, and the last would starve.
    maxBytes: 1024 * 1024 * 1024,
    minBytes: 1,
  })
}

async function runConsumer(
  consumer: Consumer,
  options: GroupOptions,
  events: {
    readonly onJoined: (consumer: Consumer, assignment: Record<string, number[]>) => void
    readonly onCrash: (error: Error) => void
  },
): Promise<void> {
  const { handlers } = options
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    events.onJoined(consumer, payload.memberAssignment)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => events.onCrash(payload.error))
  consumer.on(consumer.events.FETCH_START, ({ payload }) => handlers.onFetchStart(payload.nodeId))
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize === 0) handlers.onHole(payload)
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [...options.topics], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: (payload) => handlers.onBatch(payload, consumer),
  })
}

/** What a join changed; only `kept` and `gained` mean that we may read. */
function holdingChange(
  state: GroupState,
  isAssigned: boolean,
): 'gained' | 'kept' | 'waiting' | 'lost' | 'late' {
  const wasHolding = state.isHolding
  state.isHolding = isAssigned
  if (!isAssigned) {
    state.hasStoodBy = true
    return wasHolding ? 'lost' : 'waiting'
  }
  if (state.hasStoodBy) return 'late'
  return wasHolding ? 'kept' : 'gained'
}

function takenOver(groupId: string, change: 'lost' | 'late'): SluiceError {
  const what =
    change === 'lost'
      ? `Another reader of the Kafka group ${groupId} has taken over the partitions.`
      : `The partitions of the Kafka group ${groupId} were held by another reader until now, so ` +
        'the positions that this reader began with may be old.'
  return new SluiceError(
    'commit-conflict',
    `${what} Nothing more was read. Start again: reading goes on from what the lake holds.`,
    { isRetryable: true, context: { groupId } },
  )
}

async function sayWhoHolds(consumer: Consumer, options: GroupOptions): Promise<void> {
  const { groupId, logger } = options
  try {
    const { members } = await consumer.describeGroup()
    const holders = members
      .filter((member) => member.memberAssignment.length > 20)
      .map((member) => `${member.clientId} on ${member.clientHost.replace(/^\//, '')}`)
    logger.info(
      { groupId, holders },
      `standing by: the partitions are read by ${holders.join(', ')}`,
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    logger.info({ groupId, reason }, 'standing by: the partitions are read by another member')
  }
}

/** What trying again cannot mend. Connections and elections mend themselves. */
function fatalError(error: Error, groupId: string): SluiceError | undefined {
  const cause: unknown = error.cause
  const root = cause instanceof Error ? cause : error
  const name = root.name
  if (name === 'KafkaJSNotImplemented') {
    return new SluiceError(
      'unsupported',
      `Records are compressed in a way that this reader does not know (${root.message}). They ` +
        'were not read. Use gzip or no compression on the producer or the topic.',
      { cause: error },
    )
  }
  const type = 'type' in root ? root.type : undefined
  const isRefusal =
    name === 'KafkaJSSASLAuthenticationError' ||
    type === 'INCONSISTENT_GROUP_PROTOCOL' ||
    (typeof type === 'string' && type.endsWith('AUTHORIZATION_FAILED'))
  if (!isRefusal) return undefined
  return new SluiceError(
    'storage-unavailable',
    `Kafka refuses the reader of group ${groupId}: ${root.message}. Nothing was read. Give the ` +
      'group id to no other program, and let the user read topics and group.',
    { cause: error, context: { groupId } },
  )
}
