import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout's root folder. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Where recorded market data lies: SLUICE_DATA, else `../shared/data` beside the checkout. */
export function dataFolder(): string {
  return process.env['SLUICE_DATA'] ?? join(repositoryRoot, '..', 'shared', 'data')
}

/** Path of a recorded file. Suites that read one are declared by `describeWithService('data', …)`. */
export function dataPath(relativePath: string): string {
  return join(dataFolder(), relativePath)
}

export function hasData(): boolean {
  return existsSync(dataPath('README.md'))
}
