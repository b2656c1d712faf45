import { cp, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { headOf, loadHeads, planHead } from '../../../pipelines/loop/loop-context.ts'
import type { CheckName, Finding } from '../../../pipelines/verify/finding.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { loadManifests } from '../../../tables/commit/snapshot-manifests.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import { currentSnapshot, cutNumberOf, findSnapshot } from '../../../tables/spec/cut-history.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'
import { createForeignWriter, type ForeignWriter } from '../../support/foreign-writer.ts'
import { runMarket } from '../../support/market-minutes.ts'

const TRADES = 'silver.trades'
const BRONZE = 'bronze.trade_messages'
const CUT_COUNT = 5

type Expected = Pick<Finding, 'check' | 'kind'> & Partial<Finding>

interface Broken {
  readonly lake: Lake
  readonly foreigner: ForeignWriter
}

let folder: string
const directory = () => join(folder, 'lake')

/** Made once, and laid down again as it was before each test. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-broken-'))
  const lake = await openAgain(true)
  await runMarket(lake, { cutCount: CUT_COUNT })
  await lake.close()
  await cp(directory(), join(folder, 'whole'), { recursive: true })
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

function openAgain(createIfMissing: boolean): Promise<Lake> {
  const parts = { clock: systemClock, ids: randomIds }
  const isInspected = !createIfMissing
  return openLake({ directory: directory(), ...parts, createIfMissing, isInspected })
}

/** What verify says of the lake once it is broken so. */
async function findingsOf(
  breakIt: (broken: Broken) => Promise<Expected>,
  isDeep: boolean,
): Promise<{ findings: readonly Finding[]; expected: Expected; skipped: readonly CheckName[] }> {
  await rm(directory(), { recursive: true, force: true })
  await cp(join(folder, 'whole'), directory(), { recursive: true, preserveTimestamps: true })
  const lake = await openAgain(false)
  const expected = await breakIt({ lake, foreigner: createForeignWriter(lake) })
  await lake.close()
  const opened = await openAgain(false)
  try {
    const { checks, skipped, isFine } = await verifyLake({ lake: opened, isDeep })
    expect(isFine).toBe(false)
    return { findings: checks.flatMap((check) => check.findings), expected, skipped }
  } finally {
    await opened.close()
  }
}

async function headsOf(lake: Lake, table: string) {
  return headOf(await loadHeads(lake), table)
}

/** A live data file of a table that a cut added, with the cut. */
async function liveFile(lake: Lake, table: string) {
  const head = await headsOf(lake, table)
  const { tasks } = await planHead(lake, head, [])
  const [task] = tasks
  const snapshot = findSnapshot(head.metadata, task?.addedBy ?? -1n)
  if (task === undefined || snapshot === undefined) throw new Error(`${table} has no file`)
  return { file: task.file.filePath, cut: cutNumberOf(snapshot) ?? 0 }
}

/** The file that the last commit of somebody else added to a table. */
async function lastFile(lake: Lake, table: string) {
  const head = await headsOf(lake, table)
  const foreignSnapshot = head.metadata['current-snapshot-id'] ?? 0n
  const { tasks } = await planHead(lake, head, [])
  const added = tasks.find(({ addedBy }) => addedBy === foreignSnapshot)
  if (added === undefined) throw new Error(`the last commit of ${table} added no file`)
  return { file: added.file.filePath, foreignSnapshot }
}

async function update(lake: Lake, table: string, updates: readonly TableUpdate[]): Promise<void> {
  const identifier = tableId(table)
  await lake.catalog.commitTransaction([{ identifier, requirements: [], updates }])
}

const remove = (location: string) => rm(pathOfLocation(location))

const breaks: Readonly<
  Record<string, { isDeep?: boolean; breakIt: (broken: Broken) => Promise<Expected> }>
> = {
  'a data file that is gone': {
    breakIt: async ({ lake }) => {
      const place = await liveFile(lake, TRADES)
      await remove(place.file)
      return { check: 'files', kind: 'data-loss', table: TRADES, ...place }
    },
  },
  'a data file of another size': {
    breakIt: async ({ lake }) => {
      const place = await liveFile(lake, 'gold.bars')
      await truncate(pathOfLocation(place.file), 100)
      return { check: 'files', kind: 'corrupt-data', table: 'gold.bars', ...place }
    },
  },
  'changed bytes in a data file': {
    isDeep: true,
    breakIt: async ({ lake }) => {
      const place = await liveFile(lake, BRONZE)
      const handle = await open(pathOfLocation(place.file), 'r+')
      await handle.write(Buffer.alloc(400, 0xff), 0, 400, 40)
      await handle.close()
      return { check: 'files', kind: 'corrupt-data', table: BRONZE, ...place }
    },
  },
  'a manifest that is gone': {
    breakIt: async ({ lake }) => {
      const { metadata } = await headsOf(lake, BRONZE)
      const head = currentSnapshot(metadata)
      const [manifest] = head === undefined ? [] : await loadManifests(lake, head)
      if (manifest === undefined) throw new Error('there is no manifest')
      await remove(manifest.manifestPath)
      const snapshot = findSnapshot(metadata, manifest.addedSnapshotId)
      const cut = (snapshot && cutNumberOf(snapshot)) ?? 0
      const file = manifest.manifestPath
      return { check: 'files', kind: 'data-loss', table: BRONZE, file, cut }
    },
  },
  'a manifest list that is gone': {
    breakIt: async ({ lake }) => {
      const { metadata } = await headsOf(lake, 'sluice.cuts')
      const file = currentSnapshot(metadata)?.['manifest-list'] ?? ''
      await remove(file)
      return {
        ...{ check: 'files', kind: 'data-loss', table: 'sluice.cuts', file, cut: CUT_COUNT },
      }
    },
  },
  'a metadata file that is gone': {
    breakIt: async ({ lake }) => {
      const { metadataLocation: file } = await headsOf(lake, 'gold.spreads')
      await remove(file)
      return { check: 'tables', kind: 'data-loss', table: 'gold.spreads', file }
    },
  },
  'the metadata file of sluice.cuts gone': {
    breakIt: async ({ lake }) => {
      const { metadataLocation: file } = await headsOf(lake, 'sluice.cuts')
      await remove(file)
      return { check: 'tables', kind: 'data-loss', table: 'sluice.cuts', file }
    },
  },
  'a table that is gone from the catalog': {
    breakIt: async ({ lake }) => {
      await lake.catalog.dropTable(tableId('silver.quotes'))
      return { check: 'tables', kind: 'data-loss', table: 'silver.quotes' }
    },
  },
  'a table that was rolled back': {
    breakIt: async ({ lake, foreigner }) => {
      const { metadata } = await headsOf(lake, TRADES)
      const [first] = metadata.snapshots
      await foreigner.rollBackTo(TRADES, first?.['snapshot-id'] ?? 0n)
      return { check: 'heads', kind: 'data-loss', table: TRADES, cut: CUT_COUNT }
    },
  },
  'a cut whose rows are gone': {
    breakIt: async ({ foreigner }) => {
      await foreigner.deleteWhere('sluice.cuts', 'cut_number = 3')
      return { check: 'cuts', kind: 'data-loss', table: 'sluice.cuts', cut: 3 }
    },
  },
  'the last cut whose rows are gone': {
    breakIt: async ({ foreigner }) => {
      await foreigner.deleteWhere('sluice.cuts', `cut_number = ${CUT_COUNT}`)
      return { check: 'cuts', kind: 'data-loss', table: 'sluice.cuts', cut: CUT_COUNT }
    },
  },
  'counts that do not add up': {
    breakIt: async ({ foreigner }) => {
      const change = 'silver_count + 1 AS silver_count'
      await foreigner.update('sluice.cuts', 'cut_number = 2', change)
      return { check: 'cuts', kind: 'corrupt-data', table: 'sluice.cuts', cut: 2 }
    },
  },
  'a gap between two positions': {
    breakIt: async ({ foreigner }) => {
      const change = 'start_offset + 1 AS start_offset, message_count - 1 AS message_count'
      await foreigner.update('sluice.cuts', 'cut_number = 4 AND source IS NOT NULL', change)
      return { check: 'positions', kind: 'data-loss', table: 'sluice.cuts', cut: 4 }
    },
  },
  'positions that overlap': {
    breakIt: async ({ foreigner }) => {
      const change = 'start_offset - 1 AS start_offset'
      await foreigner.update('sluice.cuts', 'cut_number = 4 AND source IS NOT NULL', change)
      return { check: 'positions', kind: 'corrupt-data', table: 'sluice.cuts', cut: 4 }
    },
  },
  'a lost property': {
    breakIt: async ({ lake }) => {
      const removals = ['sluice.positions']
      await update(lake, 'sluice.cuts', [{ action: 'remove-properties', removals }])
      return { check: 'positions', kind: 'corrupt-data', table: 'sluice.cuts', cut: CUT_COUNT }
    },
  },
  'a property that says another position': {
    breakIt: async ({ lake }) => {
      const { metadata } = await headsOf(lake, 'sluice.cuts')
      const text = metadata.properties['sluice.positions'] ?? ''
      const updates = { 'sluice.positions': text.replace(/"end":"\d+"/, '"end":"7"') }
      await update(lake, 'sluice.cuts', [{ action: 'set-properties', updates }])
      return { check: 'positions', kind: 'corrupt-data', table: 'sluice.cuts', cut: CUT_COUNT }
    },
  },
  'a lost tag': {
    breakIt: async ({ lake }) => {
      await update(lake, TRADES, [{ action: 'remove-snapshot-ref', 'ref-name': 'sluice-head' }])
      return { check: 'tables', kind: 'corrupt-data', table: TRADES, cut: CUT_COUNT }
    },
  },
  'a bronze message that is lost': {
    breakIt: async ({ foreigner }) => {
      await foreigner.deleteWhere(BRONZE, 'source_offset = 4')
      return { check: 'bronze', kind: 'data-loss', table: BRONZE, cut: 2 }
    },
  },
  'a bronze message that is doubled': {
    breakIt: async ({ foreigner }) => {
      await foreigner.insert(BRONZE, 'SELECT * FROM t WHERE source_offset = 8')
      return { check: 'bronze', kind: 'corrupt-data', table: BRONZE, cut: 3 }
    },
  },
  'a bronze message that no cut took in': {
    breakIt: async ({ foreigner }) => {
      const row = 'SELECT * REPLACE (ingested_ts + INTERVAL 1 YEAR AS ingested_ts)'
      await foreigner.insert(BRONZE, `${row} FROM t WHERE source_offset = 8`)
      return { check: 'bronze', kind: 'corrupt-data', table: BRONZE }
    },
  },
  'a silver row that was deleted, from the receipts': {
    breakIt: async ({ foreigner }) => {
      await foreigner.deleteWhere(TRADES, 'source_offset = 4')
      return { check: 'silver', kind: 'data-loss', cut: 2 }
    },
  },
  'a silver row that was deleted, from bronze': {
    isDeep: true,
    breakIt: async ({ foreigner }) => {
      await foreigner.deleteWhere(TRADES, 'source_offset = 4')
      return { check: 'derivation', kind: 'data-loss', table: TRADES, cut: 2 }
    },
  },
  'a silver row that is doubled': {
    breakIt: async ({ foreigner, lake }) => {
      await foreigner.insert(TRADES, 'SELECT * FROM t WHERE source_offset = 4')
      const place = await lastFile(lake, TRADES)
      return { check: 'silver', kind: 'corrupt-data', table: TRADES, cut: 2, ...place }
    },
  },
  'a silver row that was changed': {
    isDeep: true,
    breakIt: async ({ foreigner }) => {
      await foreigner.update(TRADES, 'source_offset = 4', 'quantity + 1 AS quantity')
      return { check: 'derivation', kind: 'corrupt-data', table: TRADES, cut: 2 }
    },
  },
  'a gold row that was changed': {
    breakIt: async ({ foreigner }) => {
      await foreigner.update('gold.bars', `step = '1d'`, 'high + 1 AS high')
      return { check: 'gold', kind: 'corrupt-data', table: 'gold.bars' }
    },
  },
  'a gold row that is doubled': {
    breakIt: async ({ foreigner, lake }) => {
      await foreigner.insert('gold.spreads', `SELECT * FROM t WHERE step = '5m'`)
      const place = await lastFile(lake, 'gold.spreads')
      return { check: 'gold', kind: 'corrupt-data', table: 'gold.spreads', ...place }
    },
  },
  'a gold row that is missing': {
    breakIt: async ({ foreigner }) => {
      await foreigner.deleteWhere('gold.spreads', `step = '5m' AND venue_symbol = 'AAPL'`)
      return { check: 'gold', kind: 'data-loss', table: 'gold.spreads' }
    },
  },
  'a file that is named twice': {
    breakIt: async ({ lake, foreigner }) => {
      const place = await liveFile(lake, TRADES)
      await foreigner.commitFiles(TRADES, (files) => {
        return { addDataFiles: files.filter(({ filePath }) => filePath === place.file) }
      })
      return { check: 'files', kind: 'corrupt-data', table: TRADES, file: place.file }
    },
  },
  'a bound that hides rows': {
    isDeep: true,
    breakIt: async ({ lake, foreigner }) => {
      const { file } = await liveFile(lake, TRADES)
      await foreigner.commitFiles(TRADES, (files) => {
        const [known] = files.filter(({ filePath }) => filePath === file)
        if (known === undefined) throw new Error('the file is gone')
        const upperBounds = new Map(known.upperBounds).set(1, Buffer.from('A'))
        return {
          operation: 'overwrite',
          removePaths: [file],
          addDataFiles: [{ ...known, upperBounds }],
        }
      })
      return { check: 'entries', kind: 'corrupt-data', table: TRADES, file }
    },
  },
  'a wrong number of rows in a manifest': {
    isDeep: true,
    breakIt: async ({ lake, foreigner }) => {
      const { file } = await liveFile(lake, TRADES)
      await foreigner.commitFiles(TRADES, (files) => {
        const [known] = files.filter(({ filePath }) => filePath === file)
        if (known === undefined) throw new Error('the file is gone')
        const recordCount = known.recordCount + 5
        return {
          operation: 'overwrite',
          removePaths: [file],
          addDataFiles: [{ ...known, recordCount }],
        }
      })
      return { check: 'entries', kind: 'corrupt-data', table: TRADES, file }
    },
  },
  'a wrong total in a summary': {
    isDeep: true,
    breakIt: async ({ lake }) => {
      const { metadata, metadataLocation } = await headsOf(lake, TRADES)
      const total = currentSnapshot(metadata)?.summary['total-records'] ?? ''
      const path = pathOfLocation(metadataLocation)
      const text = await readFile(path, 'utf8')
      await writeFile(path, text.replaceAll(`"total-records":"${total}"`, '"total-records":"999"'))
      return { check: 'summaries', kind: 'corrupt-data', table: TRADES, cut: CUT_COUNT }
    },
  },
}

describe('verify names', () => {
  it.each(Object.entries(breaks))('%s', async (_, { isDeep = false, breakIt }) => {
    const { findings, expected } = await findingsOf(breakIt, isDeep)
    expect(findings).toContainEqual(expect.objectContaining(expected))
    for (const { what, advice } of findings) {
      expect(what).toMatch(/\.$/)
      expect(advice).toMatch(/\.$/)
    }
  })
})
