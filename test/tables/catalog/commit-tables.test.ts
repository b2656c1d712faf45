import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

import type { EmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { createCountingFileIO } from '../../../tables/file-io/counting-file-io.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { fileNameOf } from '../../../tables/file-io/location.ts'
import { tableId, type TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import { append, sampleSchema } from '../commit/sample-table.ts'
import { appendCommit, appendUntilDone } from './append-one.ts'
import {
  createSampleTables,
  filesBelow,
  inFolder,
  openDiskCatalog,
  openMemoryCatalog,
  quotes,
  trades,
} from './open-test-catalog.ts'

const run = promisify(execFile)

async function runScript(name: string, ...values: readonly string[]): Promise<unknown> {
  const script = join(import.meta.dirname, name)
  return run(process.execPath, ['--import', 'tsx', script, ...values])
}

/** Fails unless every snapshot's parent is the one before it and the sequence has no hole. */
async function expectLine(
  catalog: EmbeddedCatalog,
  identifier: TableIdentifier,
  length: number,
): Promise<void> {
  const metadata = (await catalog.loadTable(identifier))?.metadata
  const snapshots = metadata?.snapshots ?? []
  expect(snapshots).toHaveLength(length)
  snapshots.forEach((snapshot, index) => {
    expect(snapshot['parent-snapshot-id']).toBe(snapshots[index - 1]?.['snapshot-id'])
    expect(snapshot['sequence-number']).toBe(index + 1)
  })
  expect(metadata?.['current-snapshot-id']).toBe(snapshots.at(-1)?.['snapshot-id'])
  expect(metadata?.['snapshot-log']).toHaveLength(length)
}

const headOf = async (catalog: EmbeddedCatalog, identifier: TableIdentifier): Promise<unknown> =>
  (await catalog.loadTable(identifier))?.metadata['current-snapshot-id']

describe('commits of one process', () => {
  it('land in one line where 20 writers append at once', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    await Promise.all(Array.from({ length: 20 }, () => appendUntilDone(catalog, trades)))
    await expectLine(catalog, trades, 20)
    // Every file that a lost attempt wrote is gone again.
    expect(await filesBelow(fileIO, 'memory://lake/market/trades')).toHaveLength(21)
  })

  it('number their metadata files and name the one before in the log', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const first = await catalog.loadTable(trades)
    const [second] = await catalog.commitTransaction([await appendCommit(catalog, trades)])
    expect(fileNameOf(second?.metadataLocation ?? '')).toMatch(/^00001-/)
    expect(second?.metadata['metadata-log']).toEqual([
      {
        'metadata-file': first?.metadataLocation,
        'timestamp-ms': first?.metadata['last-updated-ms'],
      },
    ])
    expect(await catalog.loadTable(trades)).toEqual(second)
  })

  it('ask for no metadata file: the writer holds what it wrote', async () => {
    let counting = createCountingFileIO(openMemoryCatalog().fileIO)
    const { catalog } = openMemoryCatalog((inner) => (counting = createCountingFileIO(inner)))
    await createSampleTables(catalog)
    counting.resetCounts()
    for (let n = 0; n < 10; n += 1) await appendUntilDone(catalog, trades)
    expect(counting.counts()['table-metadata']).toMatchObject({
      openCount: 0,
      statCount: 0,
      writeCount: 10,
    })
  })

  it('read back from the file as they are held in memory', async () => {
    await inFolder(async (folder) => {
      const writer = openDiskCatalog(folder)
      await createSampleTables(writer)
      await appendUntilDone(writer, trades, 8_333_217_777_777_777_777n)
      const reader = openDiskCatalog(folder)
      expect(await reader.loadTable(trades)).toEqual(await writer.loadTable(trades))
      await reader.close()
      await writer.close()
    })
  })

  it('write nothing where nothing changes', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const before = await catalog.loadTable(trades)
    const [after] = await catalog.commitTransaction([
      { identifier: trades, requirements: [], updates: [] },
    ])
    expect(after).toEqual(before)
  })

  it('delete metadata files that left the log, where the table says so', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    await catalog.createTable(trades, {
      schema: sampleSchema,
      properties: {
        'write.metadata.previous-versions-max': '2',
        'write.metadata.delete-after-commit.enabled': 'true',
      },
    })
    for (let n = 0; n < 6; n += 1) await appendUntilDone(catalog, trades)
    const names = (await filesBelow(fileIO, 'memory://lake')).map((file) => fileNameOf(file))
    expect(names.map((name) => name.slice(0, 5))).toEqual(['00004', '00005', '00006'])
  })
})

describe('a commit to several tables', () => {
  it('is seen whole', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const loaded = await catalog.commitTransaction([
      await appendCommit(catalog, trades, 11n),
      await appendCommit(catalog, quotes, 12n),
    ])
    expect(loaded.map((table) => table.identifier)).toEqual([trades, quotes])
    expect(await headOf(catalog, trades)).toBe(11n)
    expect(await headOf(catalog, quotes)).toBe(12n)
  })

  it('changes nothing where the demand on one table fails', async () => {
    const { catalog, fileIO } = openMemoryCatalog()
    await createSampleTables(catalog)
    const stale = await appendCommit(catalog, quotes, 12n)
    await appendUntilDone(catalog, quotes, 2n)
    const before = await filesBelow(fileIO, 'memory://lake')
    await expect(
      catalog.commitTransaction([await appendCommit(catalog, trades, 11n), stale]),
    ).rejects.toMatchObject({ kind: 'commit-conflict' })
    expect(await headOf(catalog, trades)).toBeUndefined()
    expect(await headOf(catalog, quotes)).toBe(2n)
    expect(await filesBelow(fileIO, 'memory://lake')).toEqual(before)
  })

  it('changes nothing where a table is missing', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    await expect(
      catalog.commitTransaction([
        await appendCommit(catalog, trades, 11n),
        { identifier: tableId('market.none'), requirements: [], updates: [] },
      ]),
    ).rejects.toThrow(/Table does not exist: market.none/)
    expect(await headOf(catalog, trades)).toBeUndefined()
  })

  it('takes two entries of one table in their order, each checked after the one before', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const [loaded] = await catalog.commitTransaction([
      await appendCommit(catalog, trades, 1n),
      {
        identifier: trades,
        requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 1n }],
        updates: append(2n, { sequenceNumber: 2, parent: 1n }),
      },
    ])
    expect(loaded?.metadata['current-snapshot-id']).toBe(2n)
    expect(loaded?.metadata['metadata-log']).toHaveLength(1)
  })

  it('changes nothing where one metadata file cannot be written, and removes the others', async () => {
    let isDiskFull = false
    const { catalog, fileIO } = openMemoryCatalog((inner) => ({
      ...inner,
      write: async (location, bytes, options) => {
        if (isDiskFull && location.includes('/quotes/')) {
          throw new SluiceError('storage-unavailable', 'The disk is full. Nothing was written.')
        }
        await inner.write(location, bytes, options)
      },
    }))
    await createSampleTables(catalog)
    const before = await filesBelow(fileIO, 'memory://lake')
    const commits = [await appendCommit(catalog, trades), await appendCommit(catalog, quotes)]
    isDiskFull = true
    await expect(catalog.commitTransaction(commits)).rejects.toMatchObject({
      kind: 'storage-unavailable',
    })
    expect(await headOf(catalog, trades)).toBeUndefined()
    expect(await filesBelow(fileIO, 'memory://lake')).toEqual(before)
    isDiskFull = false
    await catalog.commitTransaction(commits)
    expect(await headOf(catalog, trades)).toBeDefined()
  })
})

describe('a commit that is sent again', () => {
  it('is a success where it had landed, and changes nothing', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const commits = [
      await appendCommit(catalog, trades, 11n),
      await appendCommit(catalog, quotes, 12n),
    ]
    const first = await catalog.commitTransaction(commits)
    expect(await catalog.commitTransaction(commits)).toEqual(first)
    await appendUntilDone(catalog, trades, 13n)
    expect(await catalog.commitTransaction(commits)).toHaveLength(2)
    expect(await headOf(catalog, trades)).toBe(13n)
    await expectLine(catalog, trades, 2)
  })

  it('is a success also where one of its snapshots has expired since', async () => {
    const { catalog } = openMemoryCatalog()
    await createSampleTables(catalog)
    const commits = [
      await appendCommit(catalog, trades, 11n),
      await appendCommit(catalog, quotes, 12n),
    ]
    await catalog.commitTransaction(commits)
    await appendUntilDone(catalog, trades, 13n)
    await catalog.commitTransaction([
      {
        identifier: trades,
        requirements: [],
        updates: [{ action: 'remove-snapshots', 'snapshot-ids': [11n] }],
      },
    ])
    await catalog.commitTransaction(commits)
    expect(await headOf(catalog, trades)).toBe(13n)
  })

  it('is a success where it had created the table; another creator is refused', async () => {
    const { catalog } = openMemoryCatalog()
    await catalog.createNamespace(['market'])
    const createAs = (uuid: string): Parameters<typeof catalog.commitTransaction>[0] => [
      {
        identifier: trades,
        requirements: [{ type: 'assert-create' }],
        updates: [
          { action: 'assign-uuid', uuid },
          { action: 'add-schema', schema: sampleSchema },
          { action: 'set-current-schema', 'schema-id': -1 },
          { action: 'set-location', location: 'memory://lake/market/trades' },
        ],
      },
    ]
    const first = await catalog.commitTransaction(createAs('mine'))
    expect(await catalog.commitTransaction(createAs('mine'))).toEqual(first)
    await expect(catalog.commitTransaction(createAs('other'))).rejects.toThrow(
      /Table already exists: market.trades/,
    )
  })
})

describe('commits of several processes over one file', () => {
  it('all land in one line', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      const mine = async (): Promise<void> => {
        for (let n = 0; n < 15; n += 1) await appendUntilDone(catalog, trades)
      }
      await Promise.all([mine(), runScript('append-in-process.ts', folder, '15')])
      await expectLine(catalog, trades, 30)
      await catalog.close()
    })
  }, 60_000)

  it('are applied again on the newer state where another one came between', async () => {
    await inFolder(async (folder) => {
      const other = openDiskCatalog(folder)
      await createSampleTables(other)
      let isFirst = true
      // The other writer's commit lands after this one was staged and before it is made visible.
      const overtaken = openDiskCatalog(folder, (inner: FileIO) => ({
        ...inner,
        write: async (location, bytes, options) => {
          await inner.write(location, bytes, options)
          if (isFirst) {
            isFirst = false
            await appendUntilDone(other, trades, 7n)
          }
        },
      }))
      const updates = [{ action: 'set-properties', updates: { note: 'kept' } }] as const
      await overtaken.commitTransaction([{ identifier: trades, requirements: [], updates }])
      const table = await other.loadTable(trades)
      expect(table?.metadata.properties).toEqual({ note: 'kept' })
      expect(table?.metadata['current-snapshot-id']).toBe(7n)
      expect(fileNameOf(table?.metadataLocation ?? '')).toMatch(/^00002-/)
      await other.close()
      await overtaken.close()
    })
  })

  it('are refused where the newer state does not meet their demands', async () => {
    await inFolder(async (folder) => {
      const first = openDiskCatalog(folder)
      const second = openDiskCatalog(folder)
      await createSampleTables(first)
      const stale = await appendCommit(second, trades)
      await appendUntilDone(first, trades, 7n)
      await expect(second.commitTransaction([stale])).rejects.toThrow(
        /branch main was created concurrently/,
      )
      expect(await headOf(second, trades)).toBe(7n)
      await first.close()
      await second.close()
    })
  })

  it('leave the old table where the process dies between metadata file and pointer', async () => {
    await inFolder(async (folder) => {
      const catalog = openDiskCatalog(folder)
      await createSampleTables(catalog)
      await appendUntilDone(catalog, trades, 7n)
      const before = await catalog.loadTable(trades)
      await expect(runScript('die-before-swap.ts', folder)).rejects.toMatchObject({
        signal: 'SIGKILL',
      })
      const reader = openDiskCatalog(folder)
      expect(await reader.loadTable(trades)).toEqual(before)
      await appendUntilDone(reader, trades, 8n)
      await expectLine(catalog, trades, 2)
      await catalog.close()
      await reader.close()
    })
  }, 60_000)
})
