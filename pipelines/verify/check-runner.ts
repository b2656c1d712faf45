import { SluiceError } from '../../tables/errors.ts'
import type { BrokenFiles } from './broken-files.ts'
import type { CheckName, CheckResult, Finding } from './finding.ts'
import { findUnreadable, isUnreadable } from './find-unreadable.ts'
import type { PinnedLake } from './pin-lake.ts'

export interface CheckRunner {
  /** One check; where a file that it needs turns out to be broken, again without that file. */
  run(name: CheckName, check: () => Promise<CheckResult>): Promise<void>
  /** The checks cannot be made. */
  skip(...names: readonly CheckName[]): void
  readonly results: readonly CheckResult[]
  readonly skipped: readonly CheckName[]
}

/** @param place says of findings what more is known of their place */
export function createCheckRunner(
  pinned: PinnedLake,
  broken: BrokenFiles,
  place: (findings: readonly Finding[]) => Promise<readonly Finding[]>,
  onCheck: (result: CheckResult) => void,
): CheckRunner {
  const results: CheckResult[] = []
  const skipped: CheckName[] = []

  async function tryTwice(name: CheckName, check: () => Promise<CheckResult>) {
    try {
      return await check()
    } catch (error) {
      if (!isUnreadable(error)) throw error
      const findings = await findUnreadable(pinned, broken)
      if (findings.length === 0) return failedResult(name, error)
      try {
        const result = await check()
        return { ...result, findings: [...findings, ...result.findings] }
      } catch (again) {
        if (!isUnreadable(again)) throw again
        const failed = failedResult(name, again)
        return { ...failed, findings: [...findings, ...failed.findings] }
      }
    }
  }

  return {
    run: async (name, check) => {
      const result = await tryTwice(name, check)
      const placed = { ...result, findings: await place(result.findings) }
      results.push(placed)
      onCheck(placed)
    },
    skip: (...names) => {
      skipped.push(...names)
    },
    results,
    skipped,
  }
}

/** A store that does not answer is no finding about the lake. */
function failedResult(name: CheckName, error: Error): CheckResult {
  if (!(error instanceof SluiceError) || error.kind !== 'corrupt-data') throw error
  const { location } = error.context
  const finding: Finding = {
    ...{ check: name, kind: 'corrupt-data' },
    ...(typeof location === 'string' ? { file: location } : {}),
    what: error.message,
    advice: 'Restore what cannot be read from a copy, and verify again.',
  }
  return { name, checkedCount: 0, unit: 'rows', findings: [finding], notes: [] }
}
