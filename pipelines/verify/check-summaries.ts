import { loadEntries, loadManifests, mapBounded } from '../../tables/commit/snapshot-manifests.ts'
import { countTotals } from '../../tables/commit/snapshot-summary.ts'
import { cutNumberOf, currentSnapshot } from '../../tables/spec/cut-history.ts'
import type { EntryStatus, Manifest, ManifestEntry } from '../../tables/spec/manifest.ts'
import type { Snapshot } from '../../tables/spec/snapshot.ts'
import type { BrokenFiles } from './broken-files.ts'
import type { CheckResult, Finding } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'

/**
 * Whether the totals in each head's summary, and the counts in its manifest list, are those of the
 * files that its manifests name: other engines count rows by them and read nothing else.
 */
export async function checkSummaries(
  { lake, tables }: PinnedLake,
  broken: BrokenFiles,
): Promise<CheckResult> {
  const findings: Finding[] = []
  let checkedCount = 0
  for (const { name, pinned } of tables.values()) {
    const snapshot = currentSnapshot(pinned.metadata)
    if (snapshot === undefined || broken.tables.has(name)) continue
    checkedCount += 1
    const manifests = await loadManifests(lake, snapshot)
    const entries = await mapBounded(manifests, (manifest) => loadEntries(lake, manifest))
    findings.push(...totalFindings(name, snapshot, entries.flat()))
    for (const [index, manifest] of manifests.entries()) {
      findings.push(...manifestFindings(name, snapshot, manifest, entries[index] ?? []))
    }
  }
  return { name: 'summaries', checkedCount, unit: 'snapshots', findings, notes: [] }
}

const summaryKeys = {
  records: 'total-records',
  filesSizeBytes: 'total-files-size',
  dataFiles: 'total-data-files',
  deleteFiles: 'total-delete-files',
  positionDeletes: 'total-position-deletes',
  equalityDeletes: 'total-equality-deletes',
} as const

function totalFindings(
  table: string,
  snapshot: Snapshot,
  entries: readonly ManifestEntry[],
): Finding[] {
  const totals = countTotals(entries)
  const wrong = Object.entries(summaryKeys).flatMap(([name, key]) => {
    const told = snapshot.summary[key]
    const counted = String(totals[name as keyof typeof summaryKeys])
    return told === undefined || told === counted ? [] : [`${key} is ${told}, and not ${counted}`]
  })
  if (wrong.length === 0) return []
  const cut = cutNumberOf(snapshot)
  return [
    {
      ...{ check: 'summaries', kind: 'corrupt-data', table, file: snapshot['manifest-list'] },
      ...(cut === undefined ? {} : { cut }),
      what:
        `The summary of snapshot ${snapshot['snapshot-id']} is not what its manifests hold: ` +
        `${wrong.join('; ')}. Engines that count by it answer wrongly.`,
      advice: COMPACT(table),
    },
  ]
}

function manifestFindings(
  table: string,
  snapshot: Snapshot,
  manifest: Manifest,
  entries: readonly ManifestEntry[],
): Finding[] {
  const wrong = (['added', 'existing', 'deleted'] as const).filter((status) => {
    const counted = countOf(entries, status)
    return (
      counted.files !== manifest[`${status}FilesCount`] ||
      counted.rows !== manifest[`${status}RowsCount`]
    )
  })
  if (wrong.length === 0) return []
  const cut = cutNumberOf(snapshot)
  return [
    {
      ...{ check: 'summaries', kind: 'corrupt-data', table, file: manifest.manifestPath },
      ...(cut === undefined ? {} : { cut }),
      what: `The manifest list counts other ${wrong.join(', ')} files or rows than the manifest holds.`,
      advice: COMPACT(table),
    },
  ]
}

const COMPACT = (table: string): string =>
  `Restore the file from a copy, or write the manifests anew with \`sluice maintain manifests ${table}\`.`

function countOf(entries: readonly ManifestEntry[], status: EntryStatus) {
  const files = entries.filter((entry) => entry.status === status)
  return {
    files: files.length,
    rows: files.reduce((sum, { file }) => sum + file.recordCount, 0),
  }
}
