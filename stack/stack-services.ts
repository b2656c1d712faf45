import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HDFS_FOLDER, HDFS_VERSION, installHdfs, startHdfs } from './hdfs.ts'
import { isInstalled } from './install-once.ts'
import { installKafka, KAFKA_FOLDER, KAFKA_VERSION, startKafkaNode } from './kafka.ts'
import { installMinio, MINIO_FOLDER, MINIO_VERSION, startMinio } from './minio.ts'
import { prepareKafka } from './prepare-kafka.ts'
import { prepareMinio } from './prepare-minio.ts'
import { isHdfsHealthy, isKafkaHealthy, isMinioHealthy, isTrinoHealthy } from './stack-health.ts'
import type { StackService } from './stack-service.ts'
import { STACK_BUCKET, STACK_POLICY, type StackServiceName } from './stack-settings.ts'
import { startStackTrino } from './stack-trino.ts'
import { installTrino, TRINO_FOLDER, TRINO_VERSION } from './trino.ts'

/** The same in docker-compose.yml. */
export const STACK_KAFKA_HEAP_MB = 1024
export const STACK_HDFS_HEAP_MB = 512

const POLICY_FILE = new URL('../minio/lake-policy.json', import.meta.url)

const minio: StackService = {
  name: 'minio',
  title: `MinIO ${MINIO_VERSION}`,
  download: 'built from the Go module proxy: 252 MB, some 4 minutes',
  isInstalled: () => isInstalled(MINIO_FOLDER),
  install: installMinio,
  portsOf: (ports) => [ports.minio],
  start: async ({ folder, logPath, place, secrets }) => {
    const server = await startMinio({
      port: place.ports.minio,
      dataFolder: join(folder, 'data'),
      account: {
        accessKeyId: secrets.MINIO_ROOT_USER,
        secretAccessKey: secrets.MINIO_ROOT_PASSWORD,
      },
      logPath,
    })
    try {
      await prepareMinio(server, {
        bucket: STACK_BUCKET,
        policy: { name: STACK_POLICY, text: await readFile(POLICY_FILE, 'utf8') },
        writer: {
          accessKeyId: secrets.SLUICE_S3_ACCESS_KEY_ID,
          secretAccessKey: secrets.SLUICE_S3_SECRET_ACCESS_KEY,
        },
      })
    } catch (error) {
      await server.stop()
      throw error
    }
    return {
      addresses: { s3: server.endpoint, bucket: `s3://${STACK_BUCKET}` },
      pids: () => [server.pid],
      stop: server.stop,
    }
  },
  isHealthy: isMinioHealthy,
}

const hdfs: StackService = {
  name: 'hdfs',
  title: `HDFS ${HDFS_VERSION}`,
  download: '67 MB from Maven Central; Java 17',
  isInstalled: () => isInstalled(HDFS_FOLDER),
  install: installHdfs,
  portsOf: ({ hdfs: ports }) => Object.values(ports) as number[],
  start: async ({ folder, logPath, place }) => {
    const { ports } = place
    const heapMb = STACK_HDFS_HEAP_MB
    const cluster = await startHdfs({ folder, ports: ports.hdfs, heapMb, logPath })
    return {
      addresses: {
        root: cluster.rootLocation,
        webhdfs: cluster.webUrl,
        datanode: cluster.dataNodeUrl,
      },
      pids: cluster.pids,
      stop: cluster.stop,
    }
  },
  isHealthy: isHdfsHealthy,
}

const kafka: StackService = {
  name: 'kafka',
  title: `Kafka ${KAFKA_VERSION}`,
  download: '45 MB from Maven Central; Java 17',
  isInstalled: () => isInstalled(KAFKA_FOLDER),
  install: installKafka,
  portsOf: ({ kafka: ports }) => [ports.broker, ports.controller],
  start: async ({ folder, logPath, place }) => {
    const heapMb = STACK_KAFKA_HEAP_MB
    const node = await startKafkaNode({ folder, ports: place.ports.kafka, heapMb, logPath })
    try {
      await prepareKafka(node.brokers)
    } catch (error) {
      await node.stop()
      throw error
    }
    return { addresses: { brokers: node.brokers }, pids: () => [node.pid], stop: node.stop }
  },
  isHealthy: isKafkaHealthy,
}

const trino: StackService = {
  name: 'trino',
  title: `Trino ${TRINO_VERSION}`,
  download: '230 MB from Maven Central; Java 24 or newer',
  isInstalled: () => isInstalled(TRINO_FOLDER),
  install: installTrino,
  portsOf: (ports) => [ports.trino],
  start: startStackTrino,
  isHealthy: isTrinoHealthy,
}

export const stackServices: Readonly<Record<StackServiceName, StackService>> = {
  minio,
  hdfs,
  kafka,
  trino,
}
