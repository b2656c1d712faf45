import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SummaryReporter } from '../summary-reporter.ts'

/** A run of its own over files that pass, fail, break and are switched off. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('.', import.meta.url)),
    include: ['*.fixture.ts'],
    pool: 'forks',
    maxWorkers: 1,
    reporters: [new SummaryReporter()],
  },
})
