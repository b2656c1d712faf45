import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import { storageConfig, type VendedS3 } from '../../../tables/catalog/vended-storage.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { createMemoryFileIO } from '../../../tables/file-io/memory-file-io.ts'
import { sampleSchema } from '../commit/sample-table.ts'

const vended: VendedS3 = {
  endpoint: 'http://minio:9000',
  region: 'us-east-1',
  isPathStyle: true,
  accessKeyId: 'reader',
  secretAccessKey: 'a-secret',
}
/** All that DuckDB and PyIceberg need: half of it fails in one of them. */
const config = {
  's3.endpoint': 'http://minio:9000',
  's3.region': 'us-east-1',
  'client.region': 'us-east-1',
  's3.path-style-access': 'true',
  's3.access-key-id': 'reader',
  's3.secret-access-key': 'a-secret',
}

describe('an account that a catalog gives to its clients', () => {
  it('is whole or not there at all, and only for the store that it is of', () => {
    expect(storageConfig(vended, 's3://lake/gold/bars')).toEqual(config)
    expect(storageConfig(vended, 'hdfs://name:8020/bronze')).toEqual({})
    expect(storageConfig(undefined, 's3://lake/gold/bars')).toEqual({})
    expect(storageConfig({ ...vended, sessionToken: 't' }, 's3://lake/a')).toEqual({
      ...config,
      's3.session-token': 't',
    })
  })

  it.each([
    ['gives it with each table, in both forms of the protocol', vended, config],
    ['gives nothing where there is none', undefined, {}],
  ])('a server %s', async (_, account, shown) => {
    const memory = createMemoryFileIO({ scratchDir: join(tmpdir(), 'sluice-unused') })
    const catalog = openEmbeddedCatalog({
      path: ':memory:',
      warehouse: 's3://lake/warehouse',
      fileIO: { ...memory, schemes: ['s3'] },
      clock: systemClock,
      ids: randomIds,
    })
    await catalog.createNamespace(['gold'])
    const server = await startRestServer({ catalog, port: 0, tokens: ['t'], vended: account })
    const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
      const answer = await fetch(`${server.url}/v1${path}`, {
        method,
        headers: { authorization: 'Bearer t', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      expect(answer.status).toBe(200)
      return answer.json()
    }
    const credentials = account === undefined ? [] : [{ prefix: 's3://', config: shown }]
    const tables = '/namespaces/gold/tables'
    for (const answered of [
      await call('POST', tables, { name: 'staged', schema: sampleSchema, 'stage-create': true }),
      await call('POST', tables, { name: 'bars', schema: sampleSchema }),
      await call('GET', `${tables}/bars`),
    ]) {
      expect(answered).toMatchObject({ config: shown })
      expect((answered as Record<string, unknown>)['storage-credentials'] ?? []).toEqual(
        credentials,
      )
    }
    expect(await call('GET', `${tables}/bars/credentials`)).toEqual({
      'storage-credentials': credentials,
    })
    await server.close()
    await catalog.close()
  })
})
