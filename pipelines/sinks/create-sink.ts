import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { KafkaConnection } from '../sources/kafka-client.ts'
import type { Logger } from '../sources/logger.ts'
import { createConsoleSink } from './console-sink.ts'
import { createKafkaSink } from './kafka-sink.ts'
import { createParquetSink } from './parquet-sink.ts'
import type { SinkSettings } from './sink-settings.ts'
import type { Sink } from './sink.ts'

/** The sink that settings describe. Nothing is opened before its first delivery. */
export function createSink(
  settings: SinkSettings,
  context: {
    readonly connection: KafkaConnection
    readonly logger: Logger
    readonly model: LakeModel
    /** Standard output, for the console. */
    readonly write: (text: string) => Promise<void>
  },
): Sink {
  switch (settings.type) {
    case 'console':
      return createConsoleSink(context.write)
    case 'kafka':
      return createKafkaSink({ ...context, topic: settings.topic })
    case 'parquet':
      return createParquetSink(settings.folder, context.model)
  }
}
