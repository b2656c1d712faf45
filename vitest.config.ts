import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'
import { QUICK_JAVA } from './test/support/quick-java.ts'
import { SummaryReporter } from './test/support/summary-reporter.ts'

/**
 * Two projects: `unit`, and after it `e2e`, which starts brokers, engines and whole command lines.
 * Three files at a time keep two processors busy while one of them waits for a server or a disk.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    env: {
      ...QUICK_JAVA,
      // Else the S3 client says in every process that its releases of 2027 want a newer Node.js.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          globalSetup: ['test/support/shared-servers.ts'],
          // A worker keeps the modules of one file for the next: loading and compiling them took
          // two fifths of the time of the tests of tables and transforms.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: [
            'test/support/built-sluice.ts',
            'test/support/shared-folder.ts',
            'test/support/shared-servers.ts',
          ],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
