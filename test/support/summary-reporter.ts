import type { Reporter, SerializedError, TestModule } from 'vitest/node'
import { OFF_MARK } from './service.ts'

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The last line of a run, which scripts read. */
export function countsLine(counts: TestCounts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
}

/**
 * Prints, after everything else, which suites were switched off and why, and the counts of the
 * whole as the last line. A file that could not be loaded, a hook that failed and an error outside
 * of tests count as one failed test each: they must not vanish from the counts.
 */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const off = modules.flatMap(switchedOff)
    if (off.length > 0) {
      console.log(`SWITCHED OFF: ${off.length} suites did not run`)
      for (const line of off) console.log(`  ${line}`)
    }
    console.log(countsLine(countTests(modules, unhandledErrors.length)))
  }
}

function switchedOff(module: TestModule): string[] {
  return [...module.children.allSuites()]
    .filter((suite) => suite.name.includes(OFF_MARK))
    .map((suite) => `${module.relativeModuleId}: ${suite.name}`)
}

function countTests(modules: readonly TestModule[], unhandledErrors: number): TestCounts {
  let passed = 0
  let skipped = 0
  let failed = unhandledErrors
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') passed += 1
      else if (state === 'failed') failed += 1
      else skipped += 1
    }
    const suites = [...module.children.allSuites()]
    const broken = [module, ...suites].filter((suite) => suite.errors().length > 0)
    failed += broken.length
  }
  return { passed, failed, skipped }
}
