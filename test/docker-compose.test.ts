import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { oneNodeSettings } from '../stack/kafka-settings.ts'
import { KAFKA_VERSION } from '../stack/kafka.ts'
import { readRepositoryFile } from './support/repository-files.ts'

const service = z.object({
  image: z.string(),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
})
const compose = z
  .object({ services: z.record(z.string(), service) })
  .parse(parse(readRepositoryFile('docker-compose.yml')))
const services = Object.entries(compose.services)

describe('docker-compose.yml', () => {
  it('runs the Kafka that the tests run', () => {
    expect(compose.services['kafka']?.image).toBe(`apache/kafka:${KAFKA_VERSION}`)
  })

  it('gives that Kafka the settings of the tests, one by one', () => {
    const settings = kafkaSettingsOf(compose.services['kafka']?.environment ?? {})
    expect(settings).toMatchObject(oneNodeSettings)
  })

  it('tells clients the port that it publishes', () => {
    const settings = kafkaSettingsOf(compose.services['kafka']?.environment ?? {})
    expect(settings['advertised.listeners']).toBe('PLAINTEXT://127.0.0.1:9092')
    expect(compose.services['kafka']?.ports).toEqual(['127.0.0.1:9092:9092'])
  })

  it('publishes ports on loopback only', () => {
    const open = services.flatMap(([name, { ports }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    )
    expect(open).toEqual([])
  })

  it('pins every image to one release', () => {
    const loose = services.filter(([, { image }]) => !/:(\d+\.\d+\.\d+|RELEASE\.\S+Z)$/.test(image))
    expect(loose).toEqual([])
  })

  it('mounts the policy of minio/, which grants nothing outside of the bucket', () => {
    const mounts = compose.services['minio-bucket']?.volumes ?? []
    expect(mounts).toEqual(['./minio/lake-policy.json:/lake-policy.json:ro'])
    const statement = z.object({ Effect: z.literal('Allow'), Resource: z.array(z.string()) })
    const policy = z
      .object({ Statement: z.array(statement) })
      .parse(JSON.parse(readRepositoryFile('minio/lake-policy.json')))
    const resources = policy.Statement.flatMap((each) => each.Resource)
    expect(resources).toEqual(['arn:aws:s3:::sluice-lake', 'arn:aws:s3:::sluice-lake/*'])
  })
})

/** `KAFKA_NODE_ID` -> `node.id`, as the image's start script does it. */
function kafkaSettingsOf(environment: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(environment)
    .filter(([name]) => name.startsWith('KAFKA_'))
    .map(([name, value]) => [name.slice(6).toLowerCase().replaceAll('_', '.'), value] as const)
  return Object.fromEntries(entries)
}
