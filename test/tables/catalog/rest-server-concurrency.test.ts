import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'

import { spawnGuarded, stopGuarded } from '../../../stack/spawn-guarded.ts'
import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { openRestCatalog } from '../../../tables/catalog/rest-catalog.ts'
import { systemClock } from '../../../tables/clock.ts'
import { stringifyJson } from '../../../tables/spec/json.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { ViewVersion } from '../../../tables/spec/view-metadata.ts'
import { sampleSchema } from '../commit/sample-table.ts'
import { appendCommit, appendUntilDone } from './append-one.ts'
import { createSampleTables, inFolder, openDiskCatalog, trades } from './open-test-catalog.ts'
import { serveCatalog } from './serve-catalog.ts'

const served = serveCatalog()

const COMMITTERS = 20
const ids = Array.from(
  { length: COMMITTERS },
  (_, index) => 8_333_217_777_777_777_000n + BigInt(index),
)

async function clientsOf(url: string, count: number): Promise<readonly Catalog[]> {
  return Promise.all(
    Array.from({ length: count }, () => openRestCatalog({ uri: url, clock: systemClock })),
  )
}

/** Every commit is there once, each on top of the one before. */
async function expectOneLine(catalog: Catalog): Promise<void> {
  const metadata = (await catalog.loadTable(trades))?.metadata
  const snapshots = metadata?.snapshots ?? []
  expect(snapshots.map((snapshot) => snapshot['snapshot-id']).toSorted()).toEqual(ids)
  snapshots.forEach((snapshot, index) => {
    expect(snapshot['parent-snapshot-id']).toBe(snapshots[index - 1]?.['snapshot-id'])
    expect(snapshot['sequence-number']).toBe(index + 1)
  })
  expect(metadata?.['current-snapshot-id']).toBe(snapshots.at(-1)?.['snapshot-id'])
}

/** Changes that do not exclude each other: no client has to come again. */
async function setOwnProperty(catalog: Catalog, index: number): Promise<void> {
  const uuid = (await catalog.loadTable(trades))?.metadata['table-uuid'] ?? ''
  await catalog.commitTransaction([
    {
      identifier: trades,
      requirements: [{ type: 'assert-table-uuid', uuid }],
      updates: [{ action: 'set-properties', updates: { [`writer-${index}`]: 'was here' } }],
    },
  ])
}

async function expectAllProperties(catalog: Catalog): Promise<void> {
  const properties = (await catalog.loadTable(trades))?.metadata.properties ?? {}
  const wanted = ids.map((_, index) => [`writer-${index}`, 'was here'] as const)
  expect(properties).toMatchObject(Object.fromEntries(wanted))
}

describe('20 clients of one server', () => {
  it('land each of their commits once, in one line', async () => {
    await served.makeTrades()
    const clients = await clientsOf(served.server().url, COMMITTERS)
    await Promise.all(clients.map((client, index) => appendUntilDone(client, trades, ids[index])))
    await expectOneLine(served.catalog())
    expect(served.failures()).toEqual([])
  })

  it('need not come again where their changes do not exclude each other', async () => {
    await served.makeTrades()
    const clients = await clientsOf(served.server().url, COMMITTERS)
    await Promise.all(clients.map(setOwnProperty))
    await expectAllProperties(served.catalog())
  })

  it('create one table together: one of them makes it, the others are told', async () => {
    await served.call('POST', '/namespaces', { namespace: ['market'] })
    const clients = await clientsOf(served.server().url, COMMITTERS)
    const ends = await Promise.allSettled(
      clients.map((client) => client.createTable(trades, { schema: sampleSchema })),
    )
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const end of ends) {
      if (end.status === 'rejected') {
        expect(end.reason).toMatchObject({ context: { refusal: 'AlreadyExistsException' } })
      }
    }
  })
})

interface ServerProcess {
  readonly url: string
  /** The signal that ended it. */
  readonly ended: Promise<unknown>
  stop(): Promise<void>
}

async function startProcess(folder: string, moment = 'never'): Promise<ServerProcess> {
  const script = join(import.meta.dirname, 'serve-in-process.ts')
  const child = spawnGuarded(process.execPath, ['--import', 'tsx', script, folder, moment])
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const ended = once(child, 'exit').then(([, signal]: unknown[]) => signal)
  const [url] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(() => {
      throw new Error(`the server process ended: ${stderr}`)
    }),
  ])) as [string]
  return { url, ended, stop: () => stopGuarded(child, 2_000) }
}

describe('two server processes over one SQLite file', () => {
  it('take commits at once, and lose none', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const processes = await Promise.all([startProcess(folder), startProcess(folder)])
      try {
        const clients = (
          await Promise.all(processes.map(({ url }) => clientsOf(url, COMMITTERS / 2)))
        ).flat()
        await Promise.all([
          ...clients.map((client, index) => appendUntilDone(client, trades, ids[index])),
          ...clients.map(setOwnProperty),
        ])
        await expectOneLine(catalog)
        await expectAllProperties(catalog)
      } finally {
        await Promise.all(processes.map((server) => server.stop()))
        await catalog.close()
      }
    })
  }, 120_000)
})

const view = tableId('market.symbols')

const version: ViewVersion = {
  'version-id': 1,
  'timestamp-ms': 1_700_000_000_000,
  'schema-id': 0,
  summary: {},
  'default-namespace': ['market'],
  representations: [{ type: 'sql', sql: 'SELECT 1', dialect: 'duckdb' }],
}

describe('a server process that is killed', () => {
  it('before the pointer of a table moved has changed nothing; the commit lands elsewhere', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const before = await catalog.loadTable(trades)
      const server = await startProcess(folder, 'before-swap')
      const [client] = await clientsOf(server.url, 1)
      const commit = await appendCommit(catalog, trades, 7n)
      await expect(client?.commitTransaction([commit])).rejects.toMatchObject({
        kind: 'commit-state-unknown',
      })
      expect(await server.ended).toBe('SIGKILL')
      expect(await catalog.loadTable(trades)).toEqual(before)
      await catalog.commitTransaction([commit])
      expect((await catalog.loadTable(trades))?.metadata['current-snapshot-id']).toBe(7n)
      await catalog.close()
    })
  }, 60_000)

  it('after it moved has committed; the client that sends again gets a success', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const properties = {
        'write.metadata.delete-after-commit.enabled': 'true',
        'write.metadata.previous-versions-max': '1',
      }
      const updates = [{ action: 'set-properties', updates: properties }] as const
      await catalog.commitTransaction([{ identifier: trades, requirements: [], updates }])
      const server = await startProcess(folder, 'after-swap')
      const commit = await appendCommit(catalog, trades, 7n)
      const [client] = await clientsOf(server.url, 1)
      await expect(client?.commitTransaction([commit])).rejects.toMatchObject({
        kind: 'commit-state-unknown',
      })
      expect(await server.ended).toBe('SIGKILL')
      const other = await startProcess(folder)
      try {
        const sent = await fetch(`${other.url}/v1/namespaces/market/tables/trades`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: stringifyJson(commit),
        })
        expect(sent.status).toBe(200)
      } finally {
        await other.stop()
      }
      const snapshots = (await catalog.loadTable(trades))?.metadata.snapshots ?? []
      expect(snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([7n])
      await catalog.close()
    })
  }, 60_000)

  it('before the pointer of a view moved has changed nothing; it was not made, or not changed', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const creating = await startProcess(folder, 'before-swap')
      await expect(
        fetch(`${creating.url}/v1/namespaces/market/views`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: stringifyJson({ name: 'symbols', schema: sampleSchema, 'view-version': version }),
        }),
      ).rejects.toThrow()
      expect(await creating.ended).toBe('SIGKILL')
      expect(await catalog.views.viewExists(view)).toBe(false)

      const made = await catalog.views.createView(view, { schema: sampleSchema, version })
      const changing = await startProcess(folder, 'before-swap')
      const updates = [{ action: 'set-properties', updates: { comment: 'changed' } }] as const
      await expect(
        fetch(`${changing.url}/v1/namespaces/market/views/symbols`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: stringifyJson({ updates }),
        }),
      ).rejects.toThrow()
      expect(await changing.ended).toBe('SIGKILL')
      expect(await catalog.views.loadView(view)).toEqual(made)
      const changed = await catalog.views.commitView({
        identifier: view,
        requirements: [],
        updates,
      })
      expect(changed.metadata.properties).toEqual({ comment: 'changed' })
      await catalog.close()
    })
  }, 60_000)
})
