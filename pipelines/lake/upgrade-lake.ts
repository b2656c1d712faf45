import { resolve } from 'node:path'
import { cuts } from '../../sluice/cuts.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import { tableOf } from '../../tables/commit/fence.ts'
import { planSchemaChange } from '../../tables/evolve/plan-schema-change.ts'
import { commitFenced } from '../../tables/maintain/commit-fenced.ts'
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
const runs: Readonly<Record<number, (lake: Lake) => Promise<void>>> = { 1: addRestoredCut }

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

/** Layout 1 knew no rollback. */
async function addRestoredCut(lake: Lake): Promise<void> {
  const column = cuts.columns.find(({ name }) => name === 'restored_cut')
  if (column === undefined) throw new RangeError('sluice.cuts has no column restored_cut')
  await commitFenced(lakeCommitContext(lake), {
    what: 'the upgrade',
    cutsTable: CUTS_TABLE,
    identifiers: [CUTS_TABLE],
    afterCut: await readFence(lake),
    stage: (tables) => {
      const { metadata } = tableOf(tables, CUTS_TABLE)
      const schema = metadata.schemas.find(
        (one) => one['schema-id'] === metadata['current-schema-id'],
      )
      const isThere = schema?.fields.some(({ name }) => name === column.name) ?? false
      if (isThere) return { commits: [], result: undefined }
      const { name, type, doc } = column
      const plan = planSchemaChange(metadata, [{ op: 'add-column', name, type, doc }])
      return { commits: [{ identifier: CUTS_TABLE, ...plan }], result: undefined }
    },
  })
}

function unknownLayout(directory: string, layoutVersion: number): SluiceError {
  return new SluiceError(
    'unsupported',
    `The lake in ${directory} has layout version ${layoutVersion}, which this Sluice does not ` +
      'know. Nothing was changed. Open it with the newer Sluice that made it.',
    { context: { layoutVersion } },
  )
}
