import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { coreSite, hdfsSite } from '../stack/hdfs-settings.ts'
import { HDFS_VERSION } from '../stack/hdfs.ts'
import { oneNodeSettings } from '../stack/kafka-settings.ts'
import { KAFKA_VERSION } from '../stack/kafka.ts'
import { minioEnvironment } from '../stack/minio.ts'
import { stackTopics } from '../stack/prepare-kafka.ts'
import { generateStackSecrets } from '../stack/stack-env.ts'
import { STACK_HDFS_HEAP_MB, STACK_KAFKA_HEAP_MB, stackServices } from '../stack/stack-services.ts'
import { STACK_BUCKET, STACK_POLICY, stackPorts } from '../stack/stack-settings.ts'
import { stackCatalog } from '../stack/stack-trino.ts'
import { TRINO_VERSION } from '../stack/trino.ts'
import { repositoryRoot } from './support/data.ts'
import { readComposeFile, settingsOf, type ComposeService } from './support/docker-compose.ts'
import { readRepositoryFile } from './support/repository-files.ts'

const compose = readComposeFile()
const all = [...compose.services]

/** `KAFKA_NODE_ID` -> `node.id`, as the image's start script does it. */
const kafkaSettings = () =>
  settingsOf(serviceOf('kafka'), 'KAFKA_', (rest) => rest.toLowerCase().replaceAll('_', '.'))

function serviceOf(name: string): ComposeService {
  const found = compose.services.get(name)
  if (found === undefined) throw new Error(`no service ${name}`)
  return found
}

describe('both ways to run the stack', () => {
  it('run the same versions', () => {
    expect(serviceOf('kafka').image).toBe(`apache/kafka:${KAFKA_VERSION}`)
    expect(serviceOf('kafka-topics').image).toBe(serviceOf('kafka').image)
    expect(serviceOf('namenode').image).toBe(`apache/hadoop:${HDFS_VERSION}`)
    expect(serviceOf('datanode').image).toBe(serviceOf('namenode').image)
    expect(serviceOf('trino').image).toBe(`trinodb/trino:${TRINO_VERSION}`)
    // MinIO's last image is older than its last state in source, which is built natively.
    expect(serviceOf('minio').image).toBe('minio/minio:RELEASE.2025-09-07T16-13-09Z')
  })

  it('listen on the same ports', () => {
    const published = all.flatMap(([, { ports }]) => ports)
    const { kafka, catalog } = stackPorts
    // The controller of Kafka is for the broker alone: it stays inside of the container.
    const native = Object.values(stackServices)
      .flatMap((service) => service.portsOf(stackPorts))
      .filter((port) => port !== kafka.controller)
      .concat(catalog)
    const expected = native.map((port) => `127.0.0.1:${port}:${port}`)
    expect([...published].sort()).toEqual(expected.sort())
  })

  it('give Kafka the same settings, one by one', () => {
    expect(kafkaSettings()).toMatchObject(oneNodeSettings)
    expect(kafkaSettings()['heap.opts']).toBe(`-Xmx${STACK_KAFKA_HEAP_MB}m`)
  })

  it('make the same topics', () => {
    const script = [serviceOf('kafka-topics').command].flat().join('\n')
    const made = [...script.matchAll(/^ *make (\S+) (\d+)$/gm)]
    const topics = made.map(([, topic, partitions]) => [topic, Number(partitions)])
    expect(topics).toEqual(Object.entries(stackTopics))
  })

  it('give HDFS the same settings but for addresses and folders', () => {
    const native = { ...coreSite(stackPorts.hdfs, '/data'), ...hdfsSite(stackPorts.hdfs, '/data') }
    for (const name of ['namenode', 'datanode']) {
      const service = serviceOf(name)
      const settings = {
        ...settingsOf(service, 'CORE-SITE.XML_'),
        ...settingsOf(service, 'HDFS-SITE.XML_'),
      }
      const wanted = Object.entries(native).filter(([, value]) => !value.includes('127.0.0.1'))
      expect(settings).toMatchObject(Object.fromEntries(wanted))
      const addresses = Object.entries(native).filter(([, value]) => value.includes('127.0.0.1:'))
      for (const [key, value] of addresses) {
        expect(portIn(settings[key] ?? ''), key).toBe(portIn(value))
      }
      expect(service.environment['HADOOP_HEAPSIZE_MAX']).toBe(`${STACK_HDFS_HEAP_MB}m`)
    }
  })

  it('give MinIO the same settings, and its lake the same bucket and policy', () => {
    const { MINIO_ROOT_USER: _, MINIO_ROOT_PASSWORD: __, ...settings } = minioEnvironment({})
    expect(serviceOf('minio').environment).toMatchObject(settings)
    const script = [serviceOf('minio-bucket').command].flat().join('\n')
    expect(script).toContain(`mc mb --ignore-existing lake/${STACK_BUCKET}\n`)
    expect(script).toContain(`mc admin policy create lake ${STACK_POLICY} /lake-policy.json\n`)
    expect(script).toContain(`mc admin policy attach lake ${STACK_POLICY} --user "$$WRITER"`)
  })

  it("give Trino the same catalog but for addresses and this machine's disk", () => {
    const lines = readRepositoryFile('stack/docker/sluice.properties')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
    const {
      'fs.local.enabled': _,
      'local.location': __,
      ...native
    } = stackCatalog({
      catalogUri: 'http://catalog:8181',
      s3Endpoint: 'http://minio:9000',
      hdfsConfig: '/etc/trino/core-site.xml',
    })
    expect(Object.fromEntries(lines)).toEqual({ 'connector.name': 'iceberg', ...native })
    expect(serviceOf('trino').volumes).toEqual(
      expect.arrayContaining([
        './stack/docker/sluice.properties:/etc/trino/catalog/sluice.properties:ro',
        './stack/docker/core-site.xml:/etc/trino/core-site.xml:ro',
      ]),
    )
  })
})

describe('docker-compose.yml', () => {
  it('publishes ports on loopback only', () => {
    const open = all.flatMap(([name, { ports }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    )
    expect(open).toEqual([])
  })

  it('tells clients of Kafka the port that it publishes, and containers one of their own', () => {
    expect(kafkaSettings()['advertised.listeners']).toBe(
      `PLAINTEXT://127.0.0.1:${stackPorts.kafka.broker},COMPOSE://kafka:19092`,
    )
  })

  it('pins every image to one release', () => {
    const pinned = /:(\d+\.\d+\.\d+|RELEASE\.\S+Z|\d{3})$/
    expect(all.filter(([, { image }]) => !pinned.test(image))).toEqual([])
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readRepositoryFile('package.json')))
    expect(serviceOf('live').image).toBe(`sluice-lakehouse:${version}`)
  })

  it('checks the health of all that stays, and waits for it where it is needed', () => {
    const ends = ['kafka-topics', 'minio-bucket']
    for (const [name, { healthcheck, restart }] of all) {
      const stays = !ends.includes(name)
      expect(healthcheck !== undefined, `${name} has a health check`).toBe(stays)
      expect(restart, name).toBe(stays ? 'unless-stopped' : undefined)
    }
    for (const [name, { depends_on: needed }] of all) {
      for (const [other, { condition }] of Object.entries(needed)) {
        const wanted = ends.includes(other) ? 'service_completed_successfully' : 'service_healthy'
        expect(condition, `${name} waits for ${other}`).toBe(wanted)
      }
    }
  })

  it('starts in order: stores and Kafka, the loop, the catalog, Trino', () => {
    expect(needsOf('trino')).toEqual(
      new Set([
        ...['catalog', 'live', 'kafka-topics', 'kafka', 'minio-bucket', 'minio'],
        ...['datanode', 'namenode'],
      ]),
    )
  })

  it('keeps data in named volumes that are declared', () => {
    const mounted = all.flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0]))
    const named = mounted.filter((source) => source?.startsWith('.') === false)
    expect([...new Set(named)].sort()).toEqual([...compose.volumes].sort())
    const files = mounted.filter((source) => source?.startsWith('.') === true)
    const missing = files.filter((path) => !existsSync(join(repositoryRoot, path ?? '')))
    expect(missing).toEqual([])
  })

  it('takes every secret from the .env that is generated, and says how where it is missing', () => {
    // `$$` is a dollar of the script inside; none of them is docker compose's own.
    const variables = [...compose.text.replaceAll('$$', '').matchAll(/\$\{?(\w+)([^}]*)\}?/g)]
    const generated = Object.keys(generateStackSecrets())
    expect(variables.length).toBeGreaterThan(0)
    for (const [, name, rest] of variables) {
      expect(generated).toContain(name)
      expect(rest).toBe(':?run npm run stack -- env')
    }
    expect([...new Set(variables.map(([, name]) => name))].sort()).toEqual(generated.sort())
  })

  it('holds no secret itself', () => {
    const secretName = /SECRET|PASSWORD|TOKEN|ACCESS_KEY|WRITER|MC_HOST|ROOT_USER/
    const literal = all.flatMap(([name, { environment }]) =>
      Object.entries(environment)
        .filter(([key, value]) => secretName.test(key) && !value.includes('${'))
        .map(([key]) => `${name} ${key}`),
    )
    expect(literal).toEqual([])
  })

  it('gives the root account to MinIO and its set-up alone', () => {
    const holders = all.filter(([, { environment }]) =>
      Object.values(environment).some((value) => value.includes('MINIO_ROOT')),
    )
    expect(holders.map(([name]) => name)).toEqual(['minio', 'minio-bucket'])
  })

  it('mounts the policy of minio/, which grants nothing outside of the bucket', () => {
    expect(serviceOf('minio-bucket').volumes).toEqual([
      './minio/lake-policy.json:/lake-policy.json:ro',
    ])
    const statement = z.object({ Effect: z.literal('Allow'), Resource: z.array(z.string()) })
    const policy = z
      .object({ Statement: z.array(statement) })
      .parse(JSON.parse(readRepositoryFile('minio/lake-policy.json')))
    const resources = policy.Statement.flatMap((each) => each.Resource)
    expect(resources).toEqual(['arn:aws:s3:::sluice-lake', 'arn:aws:s3:::sluice-lake/*'])
  })

  it('gives writers of the lake a name that stays, which the lake’s lock goes by', () => {
    expect(serviceOf('live').hostname).toBe('sluice-live')
    expect(serviceOf('catalog').hostname).not.toBe(serviceOf('live').hostname)
  })
})

/** Everything that has to be there before a service is started. */
function needsOf(name: string): Set<string> {
  const needed = new Set<string>()
  const visit = (each: string): void => {
    for (const other of Object.keys(serviceOf(each).depends_on)) {
      if (needed.has(other)) continue
      needed.add(other)
      visit(other)
    }
  }
  visit(name)
  return needed
}

function portIn(address: string): string | undefined {
  return /:(\d+)$/.exec(address)?.[1]
}
