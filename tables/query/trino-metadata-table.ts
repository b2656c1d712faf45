import { SluiceError } from '../errors.ts'
import { snapshotTableNames, splitMetadataName } from './metadata-table.ts'

/**
 * Trino's tables about a table, which it reads under `"bars$files"`.
 * Source: https://trino.io/docs/current/connector/iceberg.html#metadata-tables
 */
const trinoNames = [
  'snapshots',
  'history',
  'refs',
  'metadata_log_entries',
  'properties',
  'files',
  'entries',
  'all_entries',
  'manifests',
  'all_manifests',
  'partitions',
] as const

/** Those that Trino reads of the current snapshot; the others tell of the table as a whole. */
const ofSnapshot: ReadonlySet<string> = snapshotTableNames

export interface TrinoMetadataName {
  readonly table: string
  readonly about: string
}

/** `bars$files` as the table and what is asked about it; undefined for every other name. */
export function splitTrinoMetadataName(name: string): TrinoMetadataName | undefined {
  const ours = splitMetadataName(name)
  if (ours !== undefined) return ours
  const dollar = name.lastIndexOf('$')
  const suffix = name.slice(dollar + 1).toLowerCase()
  const about = trinoNames.find((known) => known === suffix)
  return dollar < 1 || about === undefined ? undefined : { table: name.slice(0, dollar), about }
}

/**
 * Trino takes no version of its tables about tables (trinodb/trino#12736), so one that tells of a
 * snapshot cannot be brought to a cut.
 * @throws SluiceError `invalid-input` for what Trino cannot read as it was asked for.
 */
export function checkTrinoMetadata(
  { table, about }: TrinoMetadataName,
  time: { readonly isCutAsked: boolean; readonly hasOwnTime: boolean },
): void {
  const name = `"${table}$${about}"`
  if (!trinoNames.some((known) => known === about)) {
    throw new SluiceError(
      'invalid-input',
      `Trino has no ${name}. Nothing was read. About a table it has ` +
        `${trinoNames.map((known) => `$${known}`).join(', ')}; or leave --engine trino out.`,
    )
  }
  if (!ofSnapshot.has(about)) {
    if (!time.hasOwnTime) return
    throw new SluiceError(
      'invalid-input',
      `${name} tells of the table as a whole, so it has no versions. Nothing was read. Leave the ` +
        'version or time after it out.',
    )
  }
  if (!time.isCutAsked && !time.hasOwnTime) return
  throw new SluiceError(
    'invalid-input',
    `Trino reads ${name} only as it is now. Nothing was read. Leave the cut out, or leave ` +
      '--engine trino out.',
  )
}
