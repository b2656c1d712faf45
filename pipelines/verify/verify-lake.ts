import { join } from 'node:path'
import { createEngine } from '../../tables/engine/engine.ts'
import { isErrorKind } from '../../tables/errors.ts'
import type { Lake } from '../lake/lake.ts'
import { readBronzeRetention } from './bronze-retention.ts'
import { type BrokenFiles, createBrokenFiles } from './broken-files.ts'
import { checkBronze } from './check-bronze.ts'
import { checkCuts } from './check-cuts.ts'
import { checkFiles } from './check-files.ts'
import { checkGaps } from './check-gaps.ts'
import { checkGold } from './check-gold.ts'
import { checkHeads } from './check-heads.ts'
import { checkPositions } from './check-positions.ts'
import { checkDerivation } from './check-derivation.ts'
import { checkEntries } from './check-entries.ts'
import { checkOrphans } from './check-orphans.ts'
import { checkSummaries } from './check-summaries.ts'
import { type CheckRunner, createCheckRunner } from './check-runner.ts'
import { checkRejected, checkSilver } from './check-silver.ts'
import { checkTables } from './check-tables.ts'
import { createCutOfSnapshot } from './cut-of-snapshot.ts'
import { createCutRows } from './cut-rows-table.ts'
import type { CheckName, CheckResult } from './finding.ts'
import { CUTS, pinLake, type PinnedLake } from './pin-lake.ts'
import { placeFindings } from './place-findings.ts'
import { readableRows } from './readable-rows.ts'

export interface VerifyOptions {
  readonly lake: Lake
  /**
   * Reads every row of every file: silver is derived from bronze again, what the manifests say is
   * held against the rows, and the folders are searched for files that nothing names.
   */
  readonly isDeep?: boolean
  /** Hears of each check as it is done. */
  readonly onCheck?: (result: CheckResult) => void
}

export interface VerifyReport {
  /** The cut at which all tables were read; undefined for a lake without one. */
  readonly cut: number | undefined
  /** When it was committed, µs since 1970. */
  readonly committedUs: bigint | undefined
  readonly checks: readonly CheckResult[]
  /** Checks that could not be made, as what they need is broken. */
  readonly skipped: readonly CheckName[]
  readonly isFine: boolean
}

/**
 * Proves from the tables alone that a lake is whole: it holds all tables at one cut, so that a
 * writer may go on beside it, and changes nothing. What is wrong is a finding and no error; checks
 * go on behind it as far as they can.
 * @throws SluiceError `storage-unavailable` where the catalog or a store does not answer.
 */
export async function verifyLake(options: VerifyOptions): Promise<VerifyReport> {
  const { lake, onCheck = () => undefined } = options
  // Of its own: steps have tables of fixed names, and a loop may run in the lake's engine.
  const engine = await createEngine({
    ...lake.engineLimits,
    scratchDir: join(lake.scratchDir, 'verify'),
  })
  const session = await engine.connect()
  try {
    const pinned = await pinLake(lake, session)
    const broken = createBrokenFiles()
    const addedBy = new Map<string, bigint>()
    let hasCutRows = await loadCutRows(pinned, broken)
    const cutOf = createCutOfSnapshot(pinned, () => hasCutRows)
    const runner = createCheckRunner(
      pinned,
      broken,
      (findings) => placeFindings(pinned, findings, addedBy, cutOf),
      onCheck,
    )
    await runner.run('tables', () => Promise.resolve(checkTables(pinned)))
    await runner.run('heads', () => checkHeads(pinned))
    await runner.run('files', () => checkFiles(pinned, broken, { cutOf, addedBy }))
    hasCutRows ||= await loadCutRows(pinned, broken)
    if (hasCutRows) {
      await runner.run('cuts', () => checkCuts(pinned))
      await runner.run('positions', () => checkPositions(pinned))
      await runner.run('bronze', async () =>
        checkBronze(pinned, broken, await readBronzeRetention(pinned)),
      )
      await runner.run('silver', () => checkSilver(pinned, broken))
      await runner.run('rejected', () => checkRejected(pinned, broken))
    } else {
      runner.skip('cuts', 'positions', 'bronze', 'silver', 'rejected')
    }
    await runner.run('gold', () => checkGold(pinned, broken))
    if (options.isDeep === true) await runDeep(runner, { pinned, broken, hasCutRows })
    const { cut } = pinned
    return {
      cut: cut?.cutNumber,
      committedUs: cut === undefined ? undefined : BigInt(cut.committedMs) * 1000n,
      checks: runner.results,
      skipped: runner.skipped,
      isFine:
        runner.skipped.length === 0 && runner.results.every((one) => one.findings.length === 0),
    }
  } finally {
    session.close()
    await engine.close()
  }
}

async function runDeep(
  runner: CheckRunner,
  { pinned, broken, hasCutRows }: { pinned: PinnedLake; broken: BrokenFiles; hasCutRows: boolean },
): Promise<void> {
  if (hasCutRows) {
    await runner.run('derivation', async () =>
      checkDerivation(pinned, broken, await readBronzeRetention(pinned)),
    )
  } else {
    runner.skip('derivation')
  }
  await runner.run('gaps', () => checkGaps(pinned, broken))
  await runner.run('entries', () => checkEntries(pinned, broken))
  await runner.run('summaries', () => checkSummaries(pinned, broken))
  // What a broken manifest names would pass for orphans.
  if (broken.tables.size + pinned.findings.length > 0) runner.skip('orphans')
  else await runner.run('orphans', () => checkOrphans(pinned))
}

/** False where the rows of sluice.cuts cannot be read. */
async function loadCutRows(pinned: PinnedLake, broken: BrokenFiles): Promise<boolean> {
  try {
    const rows = await readableRows(pinned, broken, CUTS)
    if (rows === undefined) return false
    await createCutRows(pinned, rows)
    return true
  } catch (error) {
    if (isErrorKind(error, 'corrupt-data')) return false
    throw error
  }
}
