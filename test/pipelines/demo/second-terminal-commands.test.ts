import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { secondTerminalCommands } from '../../../pipelines/demo/second-terminal-commands.ts'

const commandsFor = (lakeDirectory: string) =>
  secondTerminalCommands({
    lakeDirectory,
    catalogUrl: 'http://127.0.0.1:8182',
    tenCutsAgo: { cutNumber: 3, snapshotId: 42n },
  })

/** The words as a shell takes the line apart, one a line. */
function shellWords(command: string | undefined): readonly string[] {
  const script = `for word in ${(command ?? '').replace(/^\S+/, '')}; do printf '%s\\n' "$word"; done`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n')
}

describe('the commands for a second terminal', () => {
  it('name no lake where the demo runs on the default one', () => {
    const [newest] = commandsFor(join(import.meta.dirname, '../../../lake'))
    expect(newest?.command).not.toContain('--lake')
  })

  it('name another lake by its full path, quoted for the shell', () => {
    const words = shellWords(commandsFor("/data/trader's lake")[0]?.command)
    expect(words.slice(-2)).toEqual(['--lake', "/data/trader's lake"])
  })

  it('hand the SQL to the shell as one word', () => {
    const words = shellWords(commandsFor('/data/lake')[1]?.command)
    expect(words[words.indexOf('sql') + 1]).toMatch(
      /^SELECT .* FROM gold\.bars b AT \(VERSION => 42\) WHERE step = '1m' ORDER BY .* LIMIT 10$/,
    )
  })

  it('attach at the address where the catalog really is', () => {
    expect(commandsFor('/data/lake')[2]?.command).toContain("uri='http://127.0.0.1:8182'")
  })
})
