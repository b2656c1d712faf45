import { resolve } from 'node:path'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import type { TableCommit } from '../../tables/catalog/catalog.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import { tableOf } from '../../tables/commit/fence.ts'
import { planSchemaChange } from '../../tables/evolve/plan-schema-change.ts'
import { commitFenced } from '../../tables/maintain/commit-fenced.ts'
import { tableId, tableKey } from '../../tables/spec/table-identifier.ts'
import { CUTS_TABLE, lakeCommitContext, readFence } from './lake-commit-context.ts'
import { writeLakeFile } from './lake-file.ts'
import { stepsFrom } from './lake-layout.ts'
import { acquireLakeLock } from './lake-lock.ts'
import { LAKE_LAYOUT_VERSION, type Lake } from './lake.ts'
import { openLake, requireLake } from './open-lake.ts'

export interface UpgradeOptions {
  readonly directory: string
  readonly clock: Clock
  readonly ids: IdSource
  /** Only says what would be done. */
  readonly isDryRun?: boolean
}

export interface Upgrade {
  readonly directory: string
  readonly fromVersion: number
  readonly toVersion: number
  /** What was done, or would be; none where the lake has the present layout. */
  readonly does: readonly string[]
}

/** What a step does, by the layout that it leaves. Each is done again where it was cut off. */
const runs: Readonly<Record<number, (lake: Lake) => Promise<void>>> = {
  1: (lake) => addColumns(lake, { 'sluice.cuts': ['restored_cut'] }),
  2: (lake) =>
    addColumns(lake, { 'sluice.cuts': ['steps', 'from_day', 'until_day', 'removed_count'] }),
}

/**
 * Brings a lake of an older layout to the present one, step by step; `lake.json` says the new
 * layout once a step is done, so that a lake whose upgrade was cut off goes on from there.
 * @throws SluiceError `unsupported` for a newer layout, `commit-conflict` while another process
 * holds the lake, and as `openLake`.
 */
export async function upgradeLake(options: UpgradeOptions): Promise<Upgrade> {
  const directory = resolve(options.directory)
  const { clock, ids } = options
  const found = await requireLake(directory)
  const steps = stepsFrom(found.layoutVersion)
  const isKnown = found.layoutVersion <= LAKE_LAYOUT_VERSION && found.layoutVersion >= 1
  if (!isKnown) throw unknownLayout(directory, found.layoutVersion)
  const told: Upgrade = {
    directory,
    fromVersion: found.layoutVersion,
    toVersion: LAKE_LAYOUT_VERSION,
    does: steps.flatMap((step) => step.does),
  }
  if (steps.length === 0 || options.isDryRun === true) return told
  const lock = await acquireLakeLock({ directory, purpose: 'sluice upgrade', clock, ids })
  try {
    for (const { from } of steps) {
      const lake = await openLake({
        directory,
        clock,
        ids,
        createIfMissing: false,
        layoutVersion: from,
      })
      try {
        await runs[from]?.(lake)
      } finally {
        await lake.close()
      }
      await writeLakeFile(directory, { ...(await requireLake(directory)), layoutVersion: from + 1 })
    }
  } finally {
    await lock.release()
  }
  return told
}

/** Adds declared columns to tables that do not have them yet, all in one commit. */
async function addColumns(
  lake: Lake,
  names: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const identifiers = Object.keys(names).map(tableId)
  await commitFenced(lakeCommitContext(lake), {
    what: 'the upgrade',
    cutsTable: CUTS_TABLE,
    identifiers,
    afterCut: await readFence(lake),
    stage: (tables) => {
      const commits = identifiers.flatMap((identifier): TableCommit[] => {
        const { metadata } = tableOf(tables, identifier)
        const wanted = names[tableKey(identifier)] ?? []
        const schema = metadata.schemas.find(
          (one) => one['schema-id'] === metadata['current-schema-id'],
        )
        const isThere = (name: string) => schema?.fields.some((one) => one.name === name) ?? false
        const changes = wanted
          .filter((name) => !isThere(name))
          .map((name) => addColumnOf(tableKey(identifier), name))
        if (changes.length === 0) return []
        return [{ identifier, ...planSchemaChange(metadata, changes) }]
      })
      return { commits, result: undefined }
    },
  })
}

function addColumnOf(table: string, column: string) {
  const definition = allTables.find((one) => one.name === table)
  const found = definition?.columns.find((one) => one.name === column)
  if (found === undefined) throw new RangeError(`${table} has no column ${column}`)
  const { name, type, doc } = found
  return { op: 'add-column', name, type, doc } as const
}

function unknownLayout(directory: string, layoutVersion: number): SluiceError {
  return new SluiceError(
    'unsupported',
    `The lake in ${directory} has layout version ${layoutVersion}, which this Sluice does not ` +
      'know. Nothing was changed. Open it with the newer Sluice that made it.',
    { context: { layoutVersion } },
  )
}
