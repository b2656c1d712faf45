import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig, loadFilesConfig } from '../pipelines/config/load-config.ts'
import { stackTopics } from '../stack/prepare-kafka.ts'
import { STACK_BUCKET, stackPorts } from '../stack/stack-settings.ts'
import { repositoryRoot } from './support/data.ts'

const load = (name: string) => loadConfig(join(repositoryRoot, 'examples', name))
const { minio, hdfs, kafka } = stackPorts
const hdfsRoot = `hdfs://127.0.0.1:${hdfs.nameNodeRpc}`
const s3 = { endpoint: `http://127.0.0.1:${minio}`, region: 'us-east-1', isPathStyle: true }
const nameNodes = [`http://127.0.0.1:${hdfs.nameNodeHttp}`]

describe('the example of an extension', () => {
  it('is one file of less than 100 lines that imports nothing', async () => {
    const text = await readFile(join(repositoryRoot, 'examples/funding-rates.mjs'), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThan(100)
    expect(text).not.toMatch(/^\s*import\b/m)
  })
})

describe('the examples of configs', () => {
  it('minio.yaml puts all tables into the bucket of the stack', async () => {
    const { stores } = await load('minio.yaml')
    expect(stores).toEqual({ warehouse: `s3://${STACK_BUCKET}/lake`, s3 })
  })

  it('hdfs.yaml puts all tables on the HDFS of the stack', async () => {
    const { stores } = await load('hdfs.yaml')
    expect(stores.warehouse).toBe(`${hdfsRoot}/sluice`)
    expect(stores.hdfs).toMatchObject({ nameNodes, user: 'sluice' })
  })

  it('mixed.yaml puts bronze on HDFS and the rest on MinIO', async () => {
    const { stores } = await load('mixed.yaml')
    expect(stores.warehouse).toBe(`s3://${STACK_BUCKET}/mixed`)
    expect(stores.warehouses).toEqual({ bronze: `${hdfsRoot}/mixed` })
    expect(stores.s3).toEqual(s3)
    expect(stores.hdfs).toMatchObject({ nameNodes })
  })

  it('docker-compose.yaml does the same by the names of services', async () => {
    const { stores, kafka: broker, lakeDirectory } = await load('docker-compose.yaml')
    expect(lakeDirectory).toBe('/lake')
    expect(stores.warehouse).toBe(`s3://${STACK_BUCKET}/lake`)
    expect(stores.warehouses).toEqual({ bronze: `hdfs://namenode:${hdfs.nameNodeRpc}/sluice` })
    expect(stores.s3).toEqual({ ...s3, endpoint: `http://minio:${minio}` })
    expect(stores.hdfs).toMatchObject({ nameNodes: [`http://namenode:${hdfs.nameNodeHttp}`] })
    expect(broker.brokers).toEqual(['kafka:19092'])
  })

  it('files.yaml needs no topic and maps the columns of the prices beside it', async () => {
    const { mappings, lakeDirectory } = await loadFilesConfig(
      join(repositoryRoot, 'examples/files.yaml'),
    )
    expect(lakeDirectory).toBe(join(repositoryRoot, 'lakes/files'))
    const prices = await readFile(join(repositoryRoot, 'examples/prices.csv'), 'utf8')
    const header = prices.split('\n')[0]?.split(';')
    expect(header).toEqual(expect.arrayContaining(Object.values(mappings['prices']?.columns ?? {})))
  })

  it('have groups of their own: in one group two lakes would share the partitions', async () => {
    const names = ['sluice.yaml', 'minio.yaml', 'hdfs.yaml', 'mixed.yaml']
    const groups = await Promise.all(names.map(async (name) => (await load(name)).kafka.groupId))
    expect(new Set(groups).size).toBe(names.length)
  })

  it.each(['minio.yaml', 'hdfs.yaml', 'mixed.yaml'])(
    '%s reads the topics that the stack makes, from its broker, into a folder that git ignores',
    async (name) => {
      const config = await load(name)
      expect(config.sources.map(({ topic }) => topic)).toEqual(Object.keys(stackTopics))
      expect(config.kafka.brokers).toEqual([`127.0.0.1:${kafka.broker}`])
      expect(config.lakeDirectory).toBe(
        join(repositoryRoot, 'lakes', name.slice(0, -'.yaml'.length)),
      )
    },
  )
})
