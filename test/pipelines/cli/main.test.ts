import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { main } from '../../../pipelines/cli/main.ts'
import { readRepositoryFile } from '../../support/repository-files.ts'

let folder: string
let stdout: string
let stderr: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-main-'))
  stdout = ''
  stderr = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text)
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

const commands = [
  ...['demo', 'live', 'produce', 'backfill'],
  ...['sql', 'tables', 'describe', 'history', 'cuts', 'status', 'check', 'catalog'],
]

describe('--version', () => {
  it('names what a report of a fault has to name', async () => {
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readRepositoryFile('package.json')))
    expect(await main(['--version'])).toBe(0)
    expect(stdout.split(', ')).toEqual([
      `sluice ${version}`,
      expect.stringMatching(/^DuckDB \d+\.\d+/),
      `Node.js ${process.versions.node}\n`,
    ])
  })
})

describe('a wrong call', () => {
  it.each([
    [[]],
    [['nonsense']],
    [['tables', '--nonsense']],
    [['tables', 'too', 'much']],
    [['cuts', 'many']],
    [['cuts', '0']],
    [['describe']],
    [['describe', 'gold.bars', 'gold.spreads']],
    [['history']],
    [['history', 'gold.bars', '0']],
    [['sql']],
    [['sql', 'FROM gold.bars', '--cut', '1', '--as-of', '2025-01-01']],
    [['sql', 'FROM gold.bars', '--format', 'xml']],
    [['demo', '--duration', '20']],
    [['demo', '--port', '70000']],
    [['live']],
    [['live', '--config', '/no/such/sluice.yaml']],
    [['check', '--config', '/no/such/sluice.yaml']],
    [['backfill', '--format', 'stock-json']],
    [['backfill', 'file.json']],
    [['produce', 'file.json', '--topic', 'stocks']],
    [['produce', '--format', 'stock-json', '--topic', 'stocks']],
  ])('ends with 2 and a reason on stderr: sluice %j', async (args: readonly string[]) => {
    expect(await main(args)).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^(error: |sluice: invalid-input: |Usage: )/)
  })

  it.each([
    [['--from', '2025-02-30'], /"2025-02-30" is no day\./],
    [['--from', '2025-01-15', '--to', '2025-01-15'], /for 2025-01-15 alone give --to 2025-01-16/],
    [['--to', '2025-01-16', '--engine', 'trino'], /do not go with --engine trino/],
  ])('of days of a backfill says what is wrong: %j', async (days, says) => {
    expect(await main(['backfill', '--format', 'stock-json', 'file.json', ...days])).toBe(2)
    expect(stderr).toMatch(says)
  })

  it.each([
    ['sql', 'SELECT 1'],
    ['tables'],
    ['describe', 'gold.bars'],
    ['history', 'gold.bars'],
    ['cuts'],
    ['status'],
    ['catalog'],
  ])(
    'of %s names the folder that holds no lake, and makes none',
    async (...words: readonly string[]) => {
      const args = [...words, '--lake', `${folder}/none`]
      expect(await main(args)).toBe(2)
      expect(stderr).toMatch(/^sluice: invalid-input: There is no lake in .*\/none\. Nothing/)
      expect(await readdir(folder)).toEqual([])
    },
  )
})

describe('help', () => {
  it('names every command and ends with 0', async () => {
    expect(await main(['--help'])).toBe(0)
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  })

  it.each(commands)('of %s offers --lake and --json', async (command) => {
    expect(await main([command, '--help'])).toBe(0)
    expect(stdout).toMatch(/--lake <dir>/)
    expect(stdout).toMatch(/--json/)
  })
})
