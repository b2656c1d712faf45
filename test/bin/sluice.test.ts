import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../support/data.ts'

describe('bin/sluice.mjs', () => {
  let checkout: string
  beforeEach(async () => {
    checkout = await mkdtemp(join(tmpdir(), 'sluice-bin-'))
    await mkdir(join(checkout, 'bin'))
    await mkdir(join(checkout, 'pipelines', 'cli'), { recursive: true })
    for (const file of ['package.json', 'bin/sluice.mjs', 'bin/node-version.mjs']) {
      await copyFile(join(repositoryRoot, file), join(checkout, file))
    }
    await writeFile(join(checkout, 'pipelines', 'cli', 'main.ts'), echoMain)
  })
  afterEach(() => rm(checkout, { recursive: true, force: true }))

  it('hands over its arguments untouched and ends with the code of the command', async () => {
    await symlink(join(repositoryRoot, 'node_modules'), join(checkout, 'node_modules'))
    const { status, stdout } = run(process.execPath, ['bin/sluice.mjs', 'sql', 'a "b" $c', '--n=1'])
    expect(JSON.parse(stdout)).toEqual(['sql', 'a "b" $c', '--n=1'])
    expect(status).toBe(3)
  })

  it('does so behind npm run -s too', async () => {
    await symlink(join(repositoryRoot, 'node_modules'), join(checkout, 'node_modules'))
    const { status, stdout } = run('npm', ['run', '-s', 'sluice', '--', 'sql', 'x y'])
    expect(JSON.parse(stdout)).toEqual(['sql', 'x y'])
    expect(status).toBe(2)
  })

  it('says what to do where the packages are missing', () => {
    const { status, stdout, stderr } = run(process.execPath, ['bin/sluice.mjs', 'sql'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /not installed: nothing was started\. Run `node bin\/install-missing\.mjs`/,
    )
  })

  function run(
    command: string,
    args: readonly string[],
  ): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(command, args, { cwd: checkout, encoding: 'utf8' })
  }
})

/** Prints its arguments, and answers their number. */
const echoMain = `export async function main(argv: readonly string[]): Promise<number> {
  console.log(JSON.stringify(argv))
  return argv.length
}
`
