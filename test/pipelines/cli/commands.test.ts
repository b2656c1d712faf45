import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { builtInModel } from '../../../shared-transforms/lake-model.ts'
import { loadCommands } from '../../../pipelines/cli/commands.ts'
import { readEnvironment } from '../../../pipelines/cli/environment.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { repositoryRoot } from '../../support/data.ts'

const names = [
  ...['demo', 'live', 'produce', 'backfill', 'replay', 'seal'],
  ...['sql', 'tables', 'describe', 'history', 'cuts', 'status'],
  ...['verify', 'rejects', 'check'],
  ...['alter', 'tag', 'rollback', 'cherry-pick', 'maintain', 'relocate', 'upgrade', 'catalog'],
]

async function loadedNames(argv: readonly string[]): Promise<string[]> {
  const program = new Command()
  const context = {
    environment: readEnvironment(),
    clock: systemClock,
    ids: randomIds,
    model: { current: builtInModel },
    stdout: process.stdout,
    stderr: process.stderr,
    readStdin: () => Promise.resolve(''),
    stdin: process.stdin,
    stopSignal: () => new AbortController().signal,
    readerGone: () => new AbortController().signal,
    setExitCode: () => undefined,
  }
  for (const addCommand of await loadCommands(argv)) addCommand(program, context)
  return program.commands.map((command) => command.name())
}

/** Which of some large packages a process holds once the commands of a call are loaded. */
async function packagesOf(argv: readonly string[]): Promise<string[]> {
  const script = `
    import { createRequire } from 'node:module'
    const { loadCommands } = await import('./pipelines/cli/commands.ts')
    await loadCommands(${JSON.stringify(argv)})
    const files = Object.keys(createRequire(import.meta.url).cache)
    const isHeld = (name) => files.some((file) => file.includes('/node_modules/' + name + '/'))
    console.log(JSON.stringify(['fastify', 'kafkajs', 'libsql'].filter(isHeld)))`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: repositoryRoot })
  return JSON.parse(stdout) as string[]
}

describe('the commands of a call', () => {
  it.each(names)('are %s alone where it is named', async (name) => {
    expect(await loadedNames([name, '--help'])).toEqual([name])
  })

  it.each([[[]], [['--help']], [['help', 'sql']], [['nonsense']], [['toString']]])(
    'are all, in the order of the help, for %j',
    async (argv: readonly string[]) => {
      expect(await loadedNames(argv)).toEqual(names)
    },
  )

  it('load no package that only other commands work with', async () => {
    expect(await packagesOf(['tables'])).toEqual(['libsql'])
    expect(await packagesOf(['--help'])).toEqual(['fastify', 'kafkajs', 'libsql'])
  })
})
