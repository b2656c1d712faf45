import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeVersionError } from '../../bin/node-version.mjs'
import { repositoryRoot } from '../support/data.ts'

describe('bin/install-missing.mjs', () => {
  let checkout: string
  beforeEach(async () => {
    checkout = await mkdtemp(join(tmpdir(), 'sluice-install-'))
    await mkdir(join(checkout, 'bin'))
    for (const file of ['bin/install-missing.mjs', 'bin/node-version.mjs']) {
      await copyFile(join(repositoryRoot, file), join(checkout, file))
    }
    await writeLock('1.0.0')
  })
  afterEach(() => rm(checkout, { recursive: true, force: true }))

  it('runs npm ci without install scripts on a fresh clone, and not again', async () => {
    expect(await run()).toEqual({ code: 0, npm: 'ci --ignore-scripts --no-audit --no-fund\n' })
    expect(await run()).toEqual({ code: 0, npm: '' })
  })

  it('installs again when the lock has changed', async () => {
    await run()
    await writeLock('1.0.1')
    expect((await run()).npm).toContain('ci ')
  })

  it('leaves alone what npm installed by hand from the same lock', async () => {
    await writeInstalled('1.0.0')
    expect(await run()).toEqual({ code: 0, npm: '' })
  })

  it('replaces what was installed from another lock', async () => {
    await writeInstalled('0.9.0')
    expect((await run()).npm).toContain('ci ')
  })

  it('fails with the code of npm, and tries again the next time', async () => {
    expect((await run('exit 7')).code).toBe(7)
    expect((await run()).npm).toContain('ci ')
  })

  async function writeLock(version: string): Promise<void> {
    const packages = { '': {}, 'node_modules/left': { version }, 'node_modules/win': optional }
    await writeFile(join(checkout, 'package-lock.json'), JSON.stringify({ packages }))
  }
  const optional = { version: '1.0.0', optional: true }

  async function writeInstalled(version: string): Promise<void> {
    await mkdir(join(checkout, 'node_modules', 'left'), { recursive: true })
    await writeFile(join(checkout, 'node_modules', 'left', 'package.json'), '{}')
    const packages = { 'node_modules/left': { version } }
    const record = join(checkout, 'node_modules', '.package-lock.json')
    await writeFile(record, JSON.stringify({ packages }))
  }

  /** Runs the script with an `npm` that only writes down its arguments, then does `script`. */
  async function run(script = 'mkdir -p node_modules'): Promise<{ code: number; npm: string }> {
    const tools = await mkdtemp(join(checkout, 'tools-'))
    const log = join(tools, 'log')
    await writeFile(log, '')
    const npm = `#!/bin/sh\necho "$@" >>"${log}"\n${script}\n`
    await writeFile(join(tools, 'npm'), npm, { mode: 0o755 })
    await symlink(process.execPath, join(tools, 'node'))
    const env = { PATH: `${tools}:${process.env['PATH'] ?? ''}` }
    const code = await new Promise<number>((resolve) => {
      const child = execFile(process.execPath, ['bin/install-missing.mjs'], { cwd: checkout, env })
      child.once('close', (status) => resolve(status ?? -1))
    })
    return { code, npm: await readFile(log, 'utf8') }
  }
})

describe('nodeVersionError', () => {
  it.each(['20.19.0', '20.20.1', '22.0.0', '24.1.0'])('takes %s', (version) => {
    expect(nodeVersionError(version)).toBeUndefined()
  })

  it.each(['18.20.0', '20.18.3'])('refuses %s and says what to do', (version) => {
    expect(nodeVersionError(version)).toMatch(/needs Node.js 20\.19\.0 or newer.*nothing.*Install/)
  })
})
