import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { createMemoryCatalog } from '../../../tables/catalog/memory-catalog.ts'
import type { CommitContext, CommitHooks } from '../../../tables/commit/commit-context.ts'
import { rollForward, type SettledCut } from '../../../tables/commit/roll-forward.ts'
import type { FileIO } from '../../../tables/file-io/file-io.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { committedCut, findByToken, HEAD_TAG } from '../../../tables/spec/cut-history.ts'
import { tableKey } from '../../../tables/spec/table-identifier.ts'
import { expect } from 'vitest'
import {
  append,
  BARS,
  change,
  type CommitLake,
  type CommitLakeOptions,
  cut,
  CUTS,
  DATA_TABLES,
  dataFile,
  JOURNALS,
  openCommitLake,
  positionDelete,
  TRADES,
} from './commit-lake.ts'
import { liveNames } from './read-lake.ts'

/** A lake whose catalog commits one table at a time. */
export function openJournalLake(options: CommitLakeOptions = {}): Promise<CommitLake> {
  return openCommitLake({
    openCatalog: (parts) => createMemoryCatalog({ ...parts, isAtomic: false }),
    ...options,
  })
}

/** What a new process has of the lake: its catalog and its files, and nothing in memory. */
export function restarted(lake: CommitLake, changes: Partial<CommitContext> = {}): CommitContext {
  const { hooks: _, ...context } = lake.context
  return { ...context, manifestCache: createManifestCache(), ...changes }
}

export function restart(lake: CommitLake): Promise<readonly SettledCut[]> {
  return rollForward(restarted(lake))
}

/** Hooks that end the writer at the n-th time that it passes a point. */
export function dieAt(point: keyof CommitHooks, nth = 1): CommitHooks {
  let passed = 0
  return {
    [point]: () => {
      passed += 1
      return passed === nth ? Promise.reject(new Error('killed')) : Promise.resolve()
    },
  }
}

/** The same lake for a writer that ends there. */
export function dying(lake: CommitLake, point: keyof CommitHooks, nth = 1): CommitLake {
  return { ...lake, context: { ...lake.context, hooks: dieAt(point, nth) } }
}

export async function journals(fileIO: FileIO): Promise<string[]> {
  const locations: string[] = []
  for await (const { location } of fileIO.list(JOURNALS)) locations.push(location)
  return locations
}

/** Which tables have the token, by dotted name. */
export async function tablesWith(lake: CommitLake, token: string): Promise<string[]> {
  const names: string[] = []
  for (const table of [...DATA_TABLES, CUTS]) {
    const { metadata } = await lake.load(table)
    if (findByToken(metadata, token) !== undefined) names.push(tableKey(table))
  }
  return names
}

/** The last cut, and every table's head and head tag: equal where a lake stands at one place. */
export async function placeOf(lake: CommitLake): Promise<object> {
  const heads: Record<string, unknown> = {}
  for (const table of [...DATA_TABLES, CUTS]) {
    const { metadata } = await lake.load(table)
    heads[tableKey(table)] = [metadata['current-snapshot-id'], metadata.refs[HEAD_TAG]]
  }
  const cuts = await lake.load(CUTS)
  return { cut: committedCut(cuts.metadata)?.cutNumber, heads }
}

/** The catalog with one method replaced. */
export function withCommits(
  lake: CommitLake,
  commitTransaction: (inner: Catalog) => Catalog['commitTransaction'],
): CommitLake {
  const { catalog } = lake.context
  const replaced = { ...catalog, commitTransaction: commitTransaction(catalog) }
  return { ...lake, context: { ...lake.context, catalog: replaced } }
}

export const tail = (name: string) => dataFile(`bars/${name}`)

/** Bars: tail out, tail in, a delete in a sealed file. */
export const mergeBars = (from: string, to: string) =>
  change(BARS, {
    operation: 'overwrite',
    addDataFiles: [tail(to)],
    tailPaths: new Set([tail(to).filePath]),
    removePaths: [tail(from).filePath],
    addDeletes: [positionDelete(`bars/delete-${to}`, tail('sealed'))],
    mustBeLive: [tail('sealed').filePath],
  })

export const firstCut = {
  cutNumber: 1,
  changes: [
    append(TRADES, 't1'),
    change(BARS, {
      addDataFiles: [tail('tail-1'), tail('sealed')],
      tailPaths: new Set([tail('tail-1').filePath]),
    }),
  ],
}
export const secondCut = {
  cutNumber: 2,
  changes: [append(TRADES, 't2'), mergeBars('tail-1', 'tail-2')],
}

export async function openWithOneCut(): Promise<CommitLake> {
  const lake = await openJournalLake()
  await cut(lake, firstCut)
  return lake
}

export async function expectSecondCut(lake: CommitLake): Promise<void> {
  expect(await liveNames(lake, TRADES)).toEqual(['t1', 't2'])
  expect(await liveNames(lake, BARS)).toEqual(['delete-tail-2', 'sealed', 'tail-2'])
  const last = committedCut((await lake.load(CUTS)).metadata)
  expect(last).toMatchObject({ cutNumber: 2, token: 'token-2' })
  for (const table of [TRADES, BARS, CUTS]) {
    const { metadata } = await lake.load(table)
    const name = [...table.namespace, table.name].join('.')
    expect(last?.heads.get(name)).toBe(metadata['current-snapshot-id'])
    expect(metadata.refs['sluice-head']?.['snapshot-id']).toBe(metadata['current-snapshot-id'])
  }
  expect(await journals(lake.context.fileIO)).toEqual([])
}
