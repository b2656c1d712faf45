import { describe, expect, it } from 'vitest'
import { findOrphanFiles, removeOrphanFiles } from '../../../tables/maintain/remove-orphan-files.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import {
  BARS,
  change,
  type CommitLake,
  cut,
  dataFile,
  openCommitLake,
  TRADES,
} from '../commit/commit-lake.ts'

const DAY_MS = 86_400_000

async function writeFile(lake: CommitLake, name: string) {
  const file = dataFile(`trades/data/${name}`)
  await lake.context.fileIO.write(file.filePath, new Uint8Array([1]))
  return file
}

async function request(lake: CommitLake, olderThanMs: number) {
  const tables = [await lake.load(TRADES)]
  return { reader: lake.context, clock: lake.clock, tables, olderThanMs }
}

const locations = (files: readonly { readonly location: string }[]) =>
  files.map((file) => file.location)

describe('removeOrphanFiles', () => {
  it('removes old files that nothing names, and only these', async () => {
    const lake = await openCommitLake()
    const orphan = await writeFile(lake, 'orphan')
    const live = await writeFile(lake, 'live')
    await cut(lake, { cutNumber: 1, changes: [change(TRADES, { addDataFiles: [live] })] })
    lake.clock.advanceUs(BigInt(DAY_MS) * 1000n + 1000n)
    const young = await writeFile(lake, 'young')
    expect(locations(await removeOrphanFiles(await request(lake, DAY_MS)))).toEqual([
      orphan.filePath,
    ])
    expect(await lake.context.fileIO.stat(orphan.filePath)).toBeUndefined()
    expect(await lake.context.fileIO.stat(live.filePath)).toBeDefined()
    expect(await lake.context.fileIO.stat(young.filePath)).toBeDefined()
    await cut(lake, { cutNumber: 2, changes: [change(TRADES, { addDataFiles: [young] })] })
  })

  it('lists the same files first, with their size and age, and deletes nothing', async () => {
    const lake = await openCommitLake()
    const orphan = await writeFile(lake, 'orphan')
    lake.clock.advanceUs(BigInt(DAY_MS) * 1000n + 1000n)
    const found = await findOrphanFiles(await request(lake, DAY_MS))
    expect(found).toMatchObject([{ location: orphan.filePath, sizeBytes: 1 }])
    expect(await lake.context.fileIO.stat(orphan.filePath)).toBeDefined()
  })

  it('leaves statistics files alone that the metadata names', async () => {
    const lake = await openCommitLake()
    await cut(lake, {
      cutNumber: 1,
      changes: [change(TRADES, { addDataFiles: [await writeFile(lake, 'live')] })],
    })
    const { metadata } = await lake.load(TRADES)
    const path = `${metadata.location}/metadata/some.stats`
    await lake.context.fileIO.write(path, new Uint8Array([1]))
    const statistics = {
      'snapshot-id': metadata['current-snapshot-id'] ?? 0n,
      'statistics-path': path,
      'file-size-in-bytes': 1,
      'file-footer-size-in-bytes': 1,
      'blob-metadata': [],
    }
    await lake.context.catalog.commitTransaction([
      { identifier: TRADES, requirements: [], updates: [{ action: 'set-statistics', statistics }] },
    ])
    lake.clock.advanceUs(BigInt(DAY_MS) * 1000n + 1000n)
    expect(await findOrphanFiles(await request(lake, DAY_MS))).toEqual([])
  })

  it('leaves files alone that a table below it names', async () => {
    const lake = await openCommitLake()
    const { metadata } = await lake.load(TRADES)
    const inner = tableId('lake.inner')
    const { schemas, 'partition-specs': specs } = metadata
    const [schema, partitionSpec] = [schemas[0], specs[0]]
    if (schema === undefined || partitionSpec === undefined) throw new Error('no schema')
    const location = `${metadata.location}/inner`
    await lake.context.catalog.createTable(inner, { schema, partitionSpec, location })
    lake.clock.advanceUs(BigInt(DAY_MS) * 1000n + 1000n)
    const alone = await findOrphanFiles(await request(lake, DAY_MS))
    expect(alone).toHaveLength(1)
    const neighbours = [await lake.load(inner), await lake.load(BARS)]
    expect(await findOrphanFiles({ ...(await request(lake, DAY_MS)), neighbours })).toEqual([])
  })

  it.each([DAY_MS - 1, 0, Number.NaN])('refuses an age of %d ms', async (olderThanMs) => {
    const lake = await openCommitLake()
    await expect(removeOrphanFiles(await request(lake, olderThanMs))).rejects.toMatchObject({
      kind: 'invalid-input',
    })
  })
})
