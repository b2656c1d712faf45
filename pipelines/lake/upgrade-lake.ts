import { resolve } from 'node:path'
import { tableOfModel } from '../../shared-transforms/lake-model.ts'
import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { TableCommit } from '../../tables/catalog/catalog.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import { tableOf } from '../../tables/commit/fence.ts'
import { planSchemaChange } from '../../tables/evolve/plan-schema-change.ts'
import type { SchemaChange } from '../../tables/evolve/schema-change.ts'
import { commitFenced } from '../../tables/maintain/commit-fenced.ts'
import type { SchemaField } from '../../tables/spec/schema.ts'
import type { ColumnDefinition } from '../../tables/spec/table-definition.ts'
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
  /** As `openLake` takes it. */
  readonly model?: LakeModel | undefined
  /** As `openLake` takes it. */
  readonly engine?: EngineLimits | undefined
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

/** Columns of gold.bars that klines may leave open. */
const notOfKlines = [
  ...['notional', 'trade_count', 'avg_price', 'buy_volume', 'sell_volume', 'sum_price'],
]

/** What a step does, by the layout that it leaves. Each is done again where it was cut off. */
const runs: Readonly<Record<number, (lake: Lake) => Promise<void>>> = {
  1: (lake) => fitColumns(lake, { 'sluice.cuts': ['restored_cut'] }),
  2: (lake) =>
    fitColumns(lake, {
      'sluice.cuts': ['steps', 'from_day', 'until_day', 'removed_count'],
      'gold.bars': ['bar_source', 'known_cut', ...notOfKlines],
    }),
  3: (lake) =>
    fitColumns(lake, {
      'silver.trades': ['seq_is_contiguous'],
      'gold.bars': ['is_complete'],
      'gold.bar_revisions': ['is_complete'],
    }),
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
        model: options.model,
        engine: options.engine,
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

/**
 * Adds declared columns to tables that do not have them yet, and lets those be null that may be now,
 * all in one commit.
 */
async function fitColumns(
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
        const changes = wanted.flatMap((name) => {
          const field = schema?.fields.find((one) => one.name === name)
          return fittingChanges(columnOf(lake, tableKey(identifier), name), field)
        })
        if (changes.length === 0) return []
        return [{ identifier, ...planSchemaChange(metadata, changes) }]
      })
      return { commits, result: undefined }
    },
  })
}

function columnOf({ model }: Lake, table: string, column: string): ColumnDefinition {
  const found = tableOfModel(model, table)?.columns.find((one) => one.name === column)
  if (found === undefined) throw new RangeError(`${table} has no column ${column}`)
  return found
}

/** What brings a field of a table, if it has it, to how its column is declared. */
function fittingChanges(
  { name, type, doc, isRequired }: ColumnDefinition,
  field: SchemaField | undefined,
): SchemaChange[] {
  if (field === undefined) return [{ op: 'add-column', name, type, doc }]
  return field.required && !isRequired ? [{ op: 'make-optional', column: name }] : []
}

function unknownLayout(directory: string, layoutVersion: number): SluiceError {
  return new SluiceError(
    'unsupported',
    `The lake in ${directory} has layout version ${layoutVersion}, which this Sluice does not ` +
      'know. Nothing was changed. Open it with the newer Sluice that made it.',
    { context: { layoutVersion } },
  )
}
