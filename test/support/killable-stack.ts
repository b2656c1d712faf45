import { join } from 'node:path'

import { freePorts } from '../../stack/free-ports.ts'
import { type HdfsCluster, startHdfs } from '../../stack/hdfs.ts'
import { startKafkaNode } from '../../stack/kafka.ts'
import { startMinio } from '../../stack/minio.ts'
import type { S3Account } from '../../stack/start-s3-server.ts'

/** A server that can be killed the hard way and started again on its ports and data. */
export interface Killable {
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>
  /** Resolves once it takes requests again. */
  start(): Promise<void>
}

/** The servers under a lake, of one test alone. */
export interface KillableStack {
  readonly s3: S3Account
  readonly hdfs: HdfsCluster
  readonly brokers: string
  readonly servers: Readonly<Record<'minio' | 'datanode' | 'namenode' | 'kafka', Killable>>
  stop(): Promise<void>
}

interface Process {
  readonly pid: number
  stop(): Promise<void>
}

/** One process after the other, each started as the one before it was. */
async function killable<P extends Process>(
  start: () => Promise<P>,
): Promise<{ readonly first: P; readonly server: Killable; stop(): Promise<void> }> {
  const first = await start()
  let running: P = first
  return {
    first,
    server: {
      kill: async () => {
        process.kill(running.pid, 'SIGKILL')
        await running.stop()
      },
      start: async () => {
        running = await start()
      },
    },
    stop: () => running.stop(),
  }
}

/** Starts all of them, with their data in `folder`. */
export async function startKillableStack(folder: string): Promise<KillableStack> {
  const [s3Port, broker, controller] = await freePorts(3)
  if (s3Port === undefined || broker === undefined || controller === undefined) {
    throw new Error('no free ports')
  }
  const minio = await killable(() =>
    startMinio({ port: s3Port, dataFolder: join(folder, 'minio') }),
  )
  const kafka = await killable(() =>
    startKafkaNode({ folder: join(folder, 'kafka'), ports: { broker, controller } }),
  )
  const hdfs = await startHdfs({ folder: join(folder, 'hdfs') })
  return {
    s3: minio.first,
    hdfs,
    brokers: kafka.first.brokers,
    servers: {
      minio: minio.server,
      kafka: kafka.server,
      datanode: { kill: hdfs.killDataNode, start: hdfs.startDataNode },
      namenode: { kill: hdfs.killNameNode, start: hdfs.startNameNode },
    },
    stop: async () => {
      await Promise.allSettled([minio.stop(), kafka.stop(), hdfs.stop()])
    },
  }
}
