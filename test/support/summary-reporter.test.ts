import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './data.ts'

describe('the summary of a test run', () => {
  it('counts every test, and files and hooks that break as failed', async () => {
    const { code, lines } = await runFixture(['mixed', 'broken'], {})
    // Failed: the test, the hook, the file. Skipped: the test, and the one behind the hook.
    expect(lines.at(-1)).toBe('1 passed, 3 failed, 2 skipped')
    expect(code).toBe(1)
  })

  it('lists a suite that is switched off, with the reason', async () => {
    const { code, lines } = await runFixture(['service'], { SLUICE_STACK: '' })
    expect(lines.at(-1)).toBe('0 passed, 0 failed, 1 skipped')
    expect(lines.join('\n')).toContain('SWITCHED OFF: 1 suites did not run')
    expect(lines.join('\n')).toMatch(/service\.fixture\.ts: .*\[OFF: data: .*SLUICE_DATA/)
    expect(code).toBe(0)
  })

  it('fails where the suite is required', async () => {
    const { code, lines } = await runFixture(['service'], { SLUICE_STACK: 'required' })
    expect(lines.at(-1)).toBe('0 passed, 1 failed, 0 skipped')
    expect(code).toBe(1)
  })
})

async function runFixture(
  files: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<{ code: number; lines: string[] }> {
  const config = join(repositoryRoot, 'test', 'support', 'summary-fixture', 'vitest.config.ts')
  const vitest = join(repositoryRoot, 'node_modules', 'vitest', 'vitest.mjs')
  // A run inside a run: the outer one's settings of a worker must not reach it.
  const { VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, ...rest } = process.env
  const env = { ...rest, SLUICE_DATA: '/nowhere', NO_COLOR: '1', ...settings }
  return new Promise((resolve) => {
    const args = [vitest, 'run', '--config', config, ...files]
    const child = execFile(process.execPath, args, { env }, (_error, stdout) => {
      resolve({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n') })
    })
  })
}
