import { afterAll, describe, expect, it } from 'vitest'
import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { openEmbeddedCatalog } from '../../../tables/catalog/embedded-catalog.ts'
import { openRestCatalog } from '../../../tables/catalog/rest-catalog.ts'
import { startRestServer } from '../../../tables/catalog/rest-server.ts'
import { committedCut } from '../../../tables/spec/cut-history.ts'
import { SluiceError } from '../../../tables/errors.ts'
import {
  append,
  BARS,
  change,
  commitForeign,
  type CatalogParts,
  type CommitLake,
  type CommitLakeOptions,
  cut,
  CUTS,
  dataFile,
  headLocations,
  IDLE,
  interfere,
  openCommitLake as openLakeOver,
  openEmbedded,
  positionDelete,
  TRADES,
} from './commit-lake.ts'
import { liveNames, readLive, readManifests, readSummary } from './read-lake.ts'

const closers: (() => Promise<void>)[] = []
afterAll(() => Promise.all(closers.map((close) => close())))

/** The embedded catalog behind its own server, as another process has it. */
async function openServed(parts: CatalogParts): Promise<Catalog> {
  const embedded = openEmbeddedCatalog({ ...parts, path: ':memory:' })
  const server = await startRestServer({ catalog: embedded, port: 0 })
  closers.push(async () => {
    await server.close()
    await embedded.close()
  })
  return openRestCatalog({ uri: server.url, clock: parts.clock })
}

const catalogs = [
  { name: 'the embedded catalog', openCatalog: openEmbedded },
  { name: 'a REST catalog', openCatalog: openServed },
]

describe.each(catalogs)('commitCut over $name', ({ openCatalog }) => {
  const openCommitLake = (options: CommitLakeOptions = {}) =>
    openLakeOver({ openCatalog, ...options })

  it('makes all tables of a cut visible with one cut number and token', async () => {
    const lake = await openCommitLake()
    const committed = await cut(lake, {
      cutNumber: 1,
      changes: [append(TRADES, 't1'), append(BARS, 'b1')],
    })
    for (const table of [TRADES, BARS, CUTS]) {
      expect(await readSummary(lake, table)).toMatchObject({
        'sluice.cut': '1',
        'sluice.commit-token': 'token-1',
      })
    }
    expect((await lake.load(IDLE)).metadata.snapshots).toEqual([])
    const cuts = await lake.load(CUTS)
    expect(cuts.metadata.properties['sluice.positions']).toBe('{"cut":1}')
    expect(committed.snapshotIds.get('lake.trades')).toBe(
      (await lake.load(TRADES)).metadata['current-snapshot-id'],
    )
    expect(committed.snapshotIds.has('lake.idle')).toBe(false)
    expect(committedCut(cuts.metadata)?.heads).toEqual(committed.snapshotIds)
  })

  it('names the heads of tables that it does not touch', async () => {
    const lake = await openCommitLake()
    const first = await cut(lake, { cutNumber: 1, changes: [append(IDLE, 'i1')] })
    const second = await cut(lake, { cutNumber: 2, changes: [append(TRADES, 't1')] })
    expect(second.snapshotIds.get('lake.idle')).toBe(first.snapshotIds.get('lake.idle'))
  })

  it('replaces the tail whole, with its old files as deleted entries', async () => {
    const lake = await openCommitLake()
    const tail = (name: string) => dataFile(`bars/data/${name}`, { recordCount: 3 })
    const withTail = (name: string, removed: readonly string[], sealed: readonly string[]) =>
      change(BARS, {
        operation: 'overwrite',
        addDataFiles: [tail(name), ...sealed.map((one) => tail(one))],
        tailPaths: new Set([tail(name).filePath]),
        removePaths: removed.map((one) => tail(one).filePath),
      })
    await cut(lake, { cutNumber: 1, changes: [withTail('tail-1', [], [])] })
    await cut(lake, { cutNumber: 2, changes: [withTail('tail-2', ['tail-1'], ['sealed-1'])] })
    const manifests = await readManifests(lake, BARS)
    const shape = manifests.map(({ entries }) =>
      entries.map((entry) => `${entry.status} ${entry.file.filePath.split('/').at(-1)}`),
    )
    expect(shape).toEqual([
      ['added tail-2.parquet', 'deleted tail-1.parquet'],
      ['added sealed-1.parquet'],
    ])
    await cut(lake, { cutNumber: 3, changes: [withTail('tail-3', ['tail-2'], [])] })
    expect(await liveNames(lake, BARS)).toEqual(['sealed-1', 'tail-3'])
    expect(await readManifests(lake, BARS)).toHaveLength(2)
  })

  it('keeps sequence numbers of carried entries and inherits those of fresh ones', async () => {
    const lake = await openCommitLake()
    for (let cutNumber = 1; cutNumber <= 9; cutNumber++) {
      await cut(lake, { cutNumber, changes: [append(TRADES, `t${cutNumber}`)] })
    }
    const live = await readLive(lake, TRADES)
    const numbers = new Map(
      live.map(({ file, sequenceNumber }) => [file.filePath.split('/').at(-1), sequenceNumber]),
    )
    expect(numbers.size).toBe(9)
    for (let n = 1; n <= 9; n++) expect(numbers.get(`t${n}.parquet`)).toBe(n)
    for (const { manifest, entries } of await readManifests(lake, TRADES)) {
      expect(manifest.addedFilesCount).toBe(entries.filter((e) => e.status === 'added').length)
      expect(manifest.existingFilesCount).toBe(
        entries.filter((e) => e.status === 'existing').length,
      )
      const sequence = entries.map((entry) => entry.sequenceNumber ?? 0)
      expect(manifest.minSequenceNumber).toBe(Math.min(...sequence))
    }
  })

  it('counts totals that equal a recount of the manifests', async () => {
    const lake = await openCommitLake()
    const sealed = dataFile('bars/data/sealed', { recordCount: 40 })
    await cut(lake, { cutNumber: 1, changes: [change(BARS, { addDataFiles: [sealed] })] })
    const repaired = change(BARS, {
      operation: 'overwrite',
      addDataFiles: [dataFile('bars/data/tail', { recordCount: 2 })],
      addDeletes: [positionDelete('bars/data/delete-1', sealed, 2)],
      mustBeLive: [sealed.filePath],
    })
    await cut(lake, { cutNumber: 2, changes: [repaired] })
    const live = await readLive(lake, BARS)
    const data = live.filter(({ file }) => file.content === 'data')
    const deletes = live.filter(({ file }) => file.content !== 'data')
    const rows = (entries: typeof live) => entries.reduce((sum, e) => sum + e.file.recordCount, 0)
    expect(await readSummary(lake, BARS)).toMatchObject({
      operation: 'overwrite',
      'added-data-files': '1',
      'added-delete-files': '1',
      'added-position-deletes': '2',
      'total-data-files': String(data.length),
      'total-records': String(rows(data)),
      'total-delete-files': String(deletes.length),
      'total-position-deletes': String(rows(deletes)),
      'total-equality-deletes': '0',
      'total-files-size': String(live.reduce((sum, e) => sum + e.file.fileSizeBytes, 0)),
    })
  })

  it('counts totals anew where a foreign snapshot does not say them', async () => {
    const lake = await openCommitLake()
    await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    await commitForeign(lake, append(TRADES, 'foreign'))
    const { metadata } = await lake.load(TRADES)
    const head = metadata.snapshots.at(-1)
    if (head === undefined) throw new Error('no head')
    const { catalog } = lake.context
    const bare = { ...head, 'snapshot-id': 77n, summary: { operation: 'append' } } as const
    await catalog.commitTransaction([
      {
        identifier: TRADES,
        requirements: [],
        updates: [
          {
            action: 'add-snapshot',
            snapshot: {
              ...bare,
              'parent-snapshot-id': head['snapshot-id'],
              'sequence-number': head['sequence-number'] + 1,
            },
          },
          { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': 77n },
        ],
      },
    ])
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 't2')] })
    expect(await readSummary(lake, TRADES)).toMatchObject({
      'total-data-files': '3',
      'total-records': '30',
    })
  })

  it('refuses a zombie whose previous cut is stale, and says who won', async () => {
    const lake = await openCommitLake()
    await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    await cut(lake, { cutNumber: 2, token: 'winner', changes: [append(TRADES, 't2')] })
    const before = await headLocations(lake)
    const zombie = cut(lake, {
      cutNumber: 2,
      token: 'zombie',
      previousCut: 1,
      changes: [append(TRADES, 'z')],
    })
    await expect(zombie).rejects.toMatchObject({ kind: 'commit-conflict', isRetryable: false })
    await expect(zombie).rejects.toThrow(/cut 2 was committed at 2023-.*Z with token winner/)
    expect(await headLocations(lake)).toEqual(before)
  })

  it('refuses the loser of a race between staging and the commit', async () => {
    const rival: { lake?: CommitLake } = {}
    const lake = await openCommitLake({
      wrapCatalog: interfere(2, async (inner) => {
        if (rival.lake === undefined) return
        const context = { ...rival.lake.context, catalog: inner }
        const rivalCut = { cutNumber: 2, token: 'rival', changes: [append(TRADES, 'r')] }
        await cut({ ...rival.lake, context }, rivalCut)
      }),
    })
    rival.lake = lake
    await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    const loser = cut(lake, { cutNumber: 2, token: 'loser', changes: [append(TRADES, 'l')] })
    await expect(loser).rejects.toThrow(/with token rival/)
    expect(await liveNames(lake, TRADES)).toEqual(['r', 't1'])
  })

  it('is a success exactly once where the answer is lost after the commit landed', async () => {
    let isLost = false
    const lake = await openCommitLake({
      wrapCatalog: (inner) => ({
        ...inner,
        commitTransaction: async (commits) => {
          const tables = await inner.commitTransaction(commits)
          if (isLost) return tables
          isLost = true
          throw new SluiceError('commit-state-unknown', 'the answer was lost')
        },
      }),
    })
    const committed = await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    expect(isLost).toBe(true)
    expect(committed).toMatchObject({ cutNumber: 1, attemptCount: 1, abandonedPaths: [] })
    expect(await liveNames(lake, TRADES)).toEqual(['t1'])
    expect(await liveNames(lake, CUTS)).toEqual(['cut-1--1'])
    expect((await lake.load(CUTS)).metadata.snapshots).toHaveLength(1)
  })

  it('stages again where the lost commit had not landed, and deletes nothing', async () => {
    let calls = 0
    const deleted: string[] = []
    const lake = await openCommitLake({
      wrapFileIO: (inner) => ({
        ...inner,
        delete: (location) => {
          deleted.push(location)
          return inner.delete(location)
        },
      }),
      wrapCatalog: (inner) => ({
        ...inner,
        commitTransaction: async (commits) => {
          calls += 1
          if (calls === 1) throw new SluiceError('commit-state-unknown', 'the request was lost')
          return inner.commitTransaction(commits)
        },
      }),
    })
    const committed = await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    expect(committed.attemptCount).toBe(2)
    expect(await liveNames(lake, CUTS)).toEqual(['cut-1--2'])
    expect(deleted).toEqual([])
    const isNamed = committed.abandonedPaths.some((path) => path.includes('cut-1--1'))
    expect(isNamed).toBe(true)
  })

  it('says that the outcome is unknown where the catalog stays away', async () => {
    let isAway = false
    const lake = await openCommitLake({
      wrapCatalog: (inner) => ({
        ...inner,
        loadTable: async (table) => {
          if (isAway) throw new SluiceError('storage-unavailable', 'no route')
          return inner.loadTable(table)
        },
        commitTransaction: async (commits) => {
          await inner.commitTransaction(commits)
          isAway = true
          throw new SluiceError('commit-state-unknown', 'the answer was lost')
        },
      }),
    })
    const attempt = cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
    await expect(attempt).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    expect(await liveNames(lake, TRADES)).toEqual(['t1'])
  })

  it.each(['dataFilesWritten', 'staged', 'commitSent'] as const)(
    'changes nothing visible where the writer dies at %s',
    async (point) => {
      const hooks: Partial<Record<typeof point, () => Promise<void>>> = {}
      const lake = await openCommitLake({ hooks })
      await cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })
      const before = await headLocations(lake)
      hooks[point] = () => Promise.reject(new Error('killed'))
      const dying = cut(lake, { cutNumber: 2, changes: [append(TRADES, 't2')] })
      await expect(dying).rejects.toThrow('killed')
      expect(await headLocations(lake)).toEqual(before)
    },
  )

  it('has landed where the writer dies before it uses the answer', async () => {
    const lake = await openCommitLake({
      hooks: { commitLanded: () => Promise.reject(new Error('killed')) },
    })
    await expect(cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] })).rejects.toThrow()
    expect(committedCut((await lake.load(CUTS)).metadata)).toMatchObject({
      cutNumber: 1,
      token: 'token-1',
    })
  })

  it('gives up after bounded tries against a catalog that always conflicts', async () => {
    let calls = 0
    const lake = await openCommitLake({
      wrapCatalog: (inner) => ({
        ...inner,
        commitTransaction: () => {
          calls += 1
          return Promise.reject(new SluiceError('commit-conflict', 'again'))
        },
      }),
    })
    await expect(
      cut(lake, { cutNumber: 1, changes: [append(TRADES, 't1')] }),
    ).rejects.toMatchObject({ kind: 'commit-conflict' })
    expect(calls).toBe(10)
  })

  it('shows a reader at any instant all tables at one cut', async () => {
    const holder: { lake?: CommitLake } = {}
    const seen: string[][] = []
    // A reader between any two writes of the writer: manifests, lists, metadata files.
    const look = async () => {
      if (holder.lake === undefined) return
      const { lake } = holder
      const summaries = await Promise.all([TRADES, BARS, CUTS].map((t) => readSummary(lake, t)))
      seen.push(summaries.map((summary) => summary['sluice.cut'] ?? 'none'))
    }
    holder.lake = await openCommitLake({
      wrapFileIO: (inner) => ({
        ...inner,
        write: async (location, bytes, options) => {
          await look()
          await inner.write(location, bytes, options)
          await look()
        },
      }),
    })
    for (let cutNumber = 1; cutNumber <= 5; cutNumber++) {
      const changes = [append(TRADES, `t${cutNumber}`), append(BARS, `b${cutNumber}`)]
      await cut(holder.lake, { cutNumber, changes })
    }
    expect(seen.filter((cuts) => new Set(cuts).size > 1)).toEqual([])
    expect(new Set(seen.flat())).toEqual(new Set(['none', '1', '2', '3', '4']))
  })
})
