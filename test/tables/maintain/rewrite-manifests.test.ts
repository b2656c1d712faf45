import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rewriteManifests } from '../../../tables/maintain/rewrite-manifests.ts'
import { isLive } from '../../../tables/commit/compose-manifests.ts'
import { loadTailPaths } from '../../../tables/commit/snapshot-manifests.ts'
import {
  BARS,
  change,
  type CommitLake,
  cut,
  CUTS,
  dataFile,
  IDLE,
  openCommitLake,
  positionDelete,
  TRADES,
} from '../commit/commit-lake.ts'
import { liveNames, nameOf, readLive, readManifests, readSummary } from '../commit/read-lake.ts'

function rewrite(lake: CommitLake, afterCut: number, rules = {}, identifier = TRADES) {
  return rewriteManifests(lake.context, {
    cutsTable: CUTS,
    identifier,
    afterCut: () => afterCut,
    rules,
  })
}

/** Six cuts that add two files each, of two days in turn, and delete rows of the first. */
async function lakeOfManifests(): Promise<CommitLake> {
  const lake = await openCommitLake()
  for (let cutNumber = 1; cutNumber <= 6; cutNumber++) {
    const files = [1, 2].map((day) => dataFile(`trades/${cutNumber}-${day}`, { day }))
    const [first] = files
    if (first === undefined) throw new Error('no file')
    await cut(lake, {
      cutNumber,
      changes: [
        change(TRADES, {
          operation: 'overwrite',
          addDataFiles: files,
          addDeletes: [positionDelete(`trades/${cutNumber}-deletes`, first)],
        }),
      ],
    })
  }
  return lake
}

/** What an entry must still say after its manifest was written anew. */
async function entryFacts(lake: CommitLake) {
  const live = await readLive(lake, TRADES)
  return live
    .map(({ snapshotId, sequenceNumber, fileSequenceNumber, file }) => ({
      name: nameOf(file.filePath),
      snapshotId,
      sequenceNumber,
      fileSequenceNumber,
      partition: file.partition,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

describe('rewriteManifests', () => {
  it('makes few manifests of many, and every entry says what it said before', async () => {
    const lake = await lakeOfManifests()
    const before = await entryFacts(lake)
    expect(await readManifests(lake, TRADES)).toHaveLength(12)
    const { result } = await rewrite(lake, 6)
    expect(result).toEqual({ replacedCount: 12, createdCount: 2, keptCount: 0, entryCount: 18 })
    const after = await readManifests(lake, TRADES)
    expect(after.map(({ manifest }) => [manifest.content, manifest.existingFilesCount])).toEqual([
      ['data', 12],
      ['deletes', 6],
    ])
    expect(after.flatMap(({ entries }) => entries.map(({ status }) => status))).toEqual(
      Array.from({ length: 18 }, () => 'existing'),
    )
    expect(await entryFacts(lake)).toEqual(before)
    expect(after[0]?.manifest).toMatchObject({ minSequenceNumber: 1, sequenceNumber: 7 })
  })

  it('changes no total, and says replace', async () => {
    const lake = await lakeOfManifests()
    const totals = (summary: Readonly<Record<string, string>>) =>
      Object.entries(summary).filter(([key]) => key.startsWith('total-'))
    const before = totals(await readSummary(lake, TRADES))
    await rewrite(lake, 6)
    const summary = await readSummary(lake, TRADES)
    expect(totals(summary)).toEqual(before)
    expect(summary).toMatchObject({
      operation: 'replace',
      'sluice.after-cut': '6',
      'manifests-created': '2',
      'manifests-replaced': '12',
      'entries-processed': '18',
    })
  })

  it('puts the files of a partition beside each other', async () => {
    const lake = await lakeOfManifests()
    const sizes = (await readManifests(lake, TRADES))
      .filter(({ manifest }) => manifest.content === 'data')
      .reduce((sum, { manifest }) => sum + manifest.manifestLength, 0)
    await rewrite(lake, 6, { targetSizeBytes: Math.ceil(sizes / 2) })
    const data = (await readManifests(lake, TRADES)).filter(
      ({ manifest }) => manifest.content === 'data',
    )
    const days = data.map(({ entries }) => [
      ...new Set(entries.map(({ file }) => file.partition['day'])),
    ])
    expect(days.sort()).toEqual([[1], [2]])
  })

  it('does nothing where the manifests are few, unless it is forced', async () => {
    const lake = await lakeOfManifests()
    await rewrite(lake, 6)
    const { metadataLocation } = await lake.load(TRADES)
    expect((await rewrite(lake, 6)).tables.size).toBe(0)
    expect((await lake.load(TRADES)).metadataLocation).toBe(metadataLocation)
    expect((await rewrite(lake, 6, { isForced: true })).result.replacedCount).toBe(2)
    expect((await rewrite(lake, 6, {}, IDLE)).result.keptCount).toBe(0)
  })

  it('leaves the tail a manifest of its own', async () => {
    const lake = await openCommitLake()
    for (let cutNumber = 1; cutNumber <= 3; cutNumber++) {
      const tail = dataFile(`bars/tail-${cutNumber}`)
      await cut(lake, {
        cutNumber,
        changes: [
          change(BARS, {
            operation: 'overwrite',
            addDataFiles: [dataFile(`bars/${cutNumber}`), tail],
            tailPaths: new Set([tail.filePath]),
            removePaths: cutNumber === 1 ? [] : [dataFile(`bars/tail-${cutNumber - 1}`).filePath],
          }),
        ],
      })
    }
    await rewrite(lake, 3, {}, BARS)
    const { metadata } = await lake.load(BARS)
    expect([...(await loadTailPaths(lake.context, metadata))].map(nameOf)).toEqual(['tail-3'])
    expect(await liveNames(lake, BARS)).toEqual(['1', '2', '3', 'tail-3'])
  })

  it('goes on under the next cut, which removes a file that it listed', async () => {
    const lake = await lakeOfManifests()
    await rewrite(lake, 6)
    const gone = dataFile('trades/3-2', { day: 2 })
    await cut(lake, {
      cutNumber: 7,
      changes: [change(TRADES, { operation: 'overwrite', removePaths: [gone.filePath] })],
    })
    expect(await liveNames(lake, TRADES)).not.toContain('3-2')
  })

  it('keeps the live files of any history, whatever the size of a manifest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ added: fc.nat(4), days: fc.nat(3), removed: fc.nat(2) }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.integer({ min: 500, max: 20_000 }),
        async (steps, targetSizeBytes) => {
          const lake = await openCommitLake()
          for (const [index, step] of steps.entries()) {
            const live = (await readLive(lake, TRADES)).map(({ file }) => file.filePath)
            const added = Array.from({ length: step.added }, (_, n) =>
              dataFile(`trades/${index}-${n}`, { day: n % (step.days + 1) }),
            )
            const changed = change(TRADES, {
              operation: 'overwrite',
              addDataFiles: added,
              removePaths: live.slice(0, step.removed),
            })
            await cut(lake, { cutNumber: index + 1, changes: [changed] })
          }
          const before = await entryFacts(lake)
          await rewrite(lake, steps.length, { targetSizeBytes, isForced: true })
          expect(await entryFacts(lake)).toEqual(before)
          const manifests = await readManifests(lake, TRADES)
          expect(manifests.flatMap(({ entries }) => entries.filter((e) => !isLive(e)))).toEqual([])
        },
      ),
      { numRuns: 15 },
    )
  })
})
