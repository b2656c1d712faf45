import type { Sink, SinkDelivery } from '../../../pipelines/sinks/sink.ts'

export type SinkRow = Readonly<Record<string, unknown>>

export interface RecordedDelivery extends Pick<SinkDelivery, 'cutNumber' | 'table'> {
  readonly rows: readonly SinkRow[]
}

export interface RecordingSink extends Sink {
  /** What was handed over, whether it was then accepted or not. */
  readonly deliveries: readonly RecordedDelivery[]
  isClosed: boolean
}

/** Keeps what it is given. @param refuse throws where a delivery is to fail after it was taken */
export function createRecordingSink(
  refuse: (deliveryNumber: number) => void = () => undefined,
): RecordingSink {
  const deliveries: RecordedDelivery[] = []
  const sink: RecordingSink = {
    deliveries,
    isClosed: false,
    deliver: async ({ session, query, cutNumber, table }) => {
      deliveries.push({ cutNumber, table, rows: await session.rows<SinkRow>(query) })
      refuse(deliveries.length)
    },
    close: () => {
      sink.isClosed = true
      return Promise.resolve()
    },
  }
  return sink
}
