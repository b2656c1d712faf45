import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type * as DemoCommands from '../../pipelines/demo/second-terminal-commands.ts'
import { repositoryRoot } from '../support/data.ts'

const run = promisify(execFile)

/** Compiling all sources is most of it. */
const PACK_TIMEOUT_MS = 600_000

let folder: string
let installed: string
/** The packed files as npm would put them, with the checkout's packages in place of a download. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-package-'))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: repositoryRoot })
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await run('tar', ['-xzf', join(folder, tarball), '-C', folder])
  await mkdir(join(folder, 'node_modules'))
  installed = join(folder, 'node_modules', 'sluice-lakehouse')
  await run('mv', [join(folder, 'package'), installed])
  await symlink(join(repositoryRoot, 'node_modules'), join(installed, 'node_modules'))
  await mkdir(join(folder, 'node_modules', '@types'))
  const types = ['@types', 'node']
  await symlink(
    join(repositoryRoot, 'node_modules', ...types),
    join(folder, 'node_modules', ...types),
  )
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
}, PACK_TIMEOUT_MS)
afterAll(() => rm(folder, { recursive: true, force: true }))

const program = `
import { createEngine, createLakeQuery, tableId } from 'sluice-lakehouse/tables'
import { allTables, formats } from 'sluice-lakehouse/shared-transforms'
import { openLake, randomIds, runMicroBatches, systemClock } from 'sluice-lakehouse'

const options = { directory: './lake', clock: systemClock, ids: randomIds, createIfMissing: true }
const lake = await openLake(options)
const engine = await createEngine({ scratchDir: lake.scratchDir, allowedDirectories: ['./lake'] })
const { catalog, fileIO } = lake
const query = createLakeQuery({ catalog, fileIO, engine, cutsTable: tableId('sluice.cuts') })
const { rows } = await query.query('SELECT count(*) FROM silver.trades')
for await (const [count] of rows) {
  console.log(String(count), allTables.length > 0, formats.size > 0, typeof runMicroBatches)
}
await engine.close()
await lake.close()
`

describe('the package', () => {
  it('holds what runs, and no tests', async () => {
    expect(await readdir(installed)).not.toContain('test')
    expect((await readdir(installed)).sort()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'examples', 'node_modules'],
      'package.json',
    ])
    const inside = (await readdir(join(installed, 'dist'), { recursive: true })).filter(
      (name) => /\.test\.|^(test|bench|stack)\b/.test(name) || /(?<!\.d)\.ts$/.test(name),
    )
    expect(inside).toEqual([])
  })

  it('has the command line, which works without tsx and the sources', async () => {
    const bin = join(installed, 'bin', 'sluice.mjs')
    const { stdout } = await run(process.execPath, [bin, '--help'], { cwd: folder })
    expect(stdout).toMatch(/^Usage: sluice/)
    const query = [bin, 'sql', '--lake', join(folder, 'none'), 'SELECT 1']
    await expect(run(process.execPath, query, { cwd: folder })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no lake') as string,
    })
  })

  it('takes a kind of a file that knows nothing of where Sluice is', async () => {
    const examples = join(installed, 'examples')
    await cp(join(examples, 'funding-rates.mjs'), join(folder, 'funding-rates.mjs'))
    const sluice = (...args: readonly string[]) =>
      run(
        process.execPath,
        [
          ...[join(installed, 'bin', 'sluice.mjs'), ...args, '--lake', './own-lake'],
          ...['--extension', './funding-rates.mjs'],
        ],
        { cwd: folder },
      )
    await sluice(
      ...['backfill', '--format', 'binance-funding'],
      join(examples, 'funding-rates-2025-01-15.jsonl'),
    )
    const { stdout } = await sluice('sql', '--format', 'csv', 'FROM silver.funding_rates')
    expect(stdout.trimEnd().split('\n')).toHaveLength(7)
    expect((await sluice('verify', '--deep')).stdout).toContain('nothing is wrong')
  })

  it('is imported by plain JavaScript', async () => {
    await writeFile(join(folder, 'user.mjs'), program)
    const { stdout } = await run(process.execPath, ['user.mjs'], { cwd: folder })
    expect(stdout).toBe('0 true true function\n')
  })

  it('shows in its demo commands for where it is installed', async () => {
    const built = join(installed, 'dist', 'pipelines', 'demo', 'second-terminal-commands.js')
    const { secondTerminalCommands } = (await import(
      pathToFileURL(built).href
    )) as typeof DemoCommands
    const facts = { lakeDirectory: join(folder, 'lake'), catalogUrl: '', tenCutsAgo: undefined }
    const [newest] = secondTerminalCommands(facts)
    expect(newest?.command).toMatch(/^npx sluice sql "SELECT .*" --lake \//)
    expect(newest?.command).toContain(`--lake ${join(folder, 'lake')}`)
  })

  it('tells a user of TypeScript what is wrong, and nothing where nothing is', async () => {
    const wrong = "import { openLake } from 'sluice-lakehouse'\nawait openLake({ directory: 1 })\n"
    await writeFile(join(folder, 'right.ts'), program)
    await writeFile(join(folder, 'wrong.ts'), wrong)
    const compiler = join(repositoryRoot, 'node_modules', 'typescript', 'bin', 'tsc')
    const check = (file: string) =>
      run(
        process.execPath,
        [
          ...[compiler, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'],
          ...['--skipLibCheck', '--types', 'node', file],
        ],
        { cwd: folder },
      )
    await check('right.ts')
    await expect(check('wrong.ts')).rejects.toMatchObject({
      stdout: expect.stringContaining("Type 'number' is not assignable to type 'string'") as string,
    })
  })
})
