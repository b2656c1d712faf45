import kafkajs from 'kafkajs'
import type { StackPorts } from './stack-settings.ts'

const ANSWER_MS_MAX = 5000

/** Whether each service answers as it should, asked as its clients do. None of these throws. */
export async function isMinioHealthy({ minio }: StackPorts): Promise<boolean> {
  return (await answerOf(`http://127.0.0.1:${minio}/minio/health/ready`)) !== undefined
}

/** Out of safe mode, with a DataNode that lives. */
export async function isHdfsHealthy({ hdfs }: StackPorts): Promise<boolean> {
  const query = 'qry=Hadoop:service=NameNode,name=FSNamesystemState'
  const text = await answerOf(`http://127.0.0.1:${hdfs.nameNodeHttp}/jmx?${query}`)
  return (
    text !== undefined &&
    /"FSState"\s*:\s*"Operational"/.test(text) &&
    /"NumLiveDataNodes"\s*:\s*[1-9]/.test(text)
  )
}

/** It says who its brokers are. */
export async function isKafkaHealthy({ kafka }: StackPorts): Promise<boolean> {
  const { Kafka, logLevel } = kafkajs
  const admin = new Kafka({
    brokers: [`127.0.0.1:${kafka.broker}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: ANSWER_MS_MAX,
    requestTimeout: ANSWER_MS_MAX,
    retry: { retries: 0 },
  }).admin()
  try {
    await admin.connect()
    return (await admin.describeCluster()).brokers.length > 0
  } catch {
    return false
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

export async function isTrinoHealthy({ trino }: StackPorts): Promise<boolean> {
  const text = await answerOf(`http://127.0.0.1:${trino}/v1/info`)
  return text !== undefined && /"starting"\s*:\s*false/.test(text)
}

/** The text of an answer that is ok. */
async function answerOf(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    const text = await response.text()
    return response.ok ? text : undefined
  } catch {
    return undefined
  }
}
