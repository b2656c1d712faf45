import { builtinModules } from 'node:module'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { NODE_MIN } from '../bin/node-version.mjs'
import { longFiles } from './support/longest-first.ts'
import { importsOf, readRepositoryFile, repositoryFiles } from './support/repository-files.ts'

const files = repositoryFiles()
const code = files.filter((path) => /\.(ts|mts|js|mjs)$/.test(path))

const versions = z.record(z.string(), z.string())
const packageJson = z
  .object({
    engines: z.object({ node: z.string() }),
    dependencies: versions,
    devDependencies: versions,
  })
  .parse(JSON.parse(readRepositoryFile('package.json')))

const lockedPackage = z.object({
  dependencies: versions.default({}),
  optionalDependencies: versions.default({}),
  engines: z
    .union([z.object({ node: z.string().default('*') }), z.array(z.string())])
    .default({ node: '*' })
    .transform((engines) => (Array.isArray(engines) ? { node: '*' } : engines)),
})
const lock = z
  .object({ packages: z.record(z.string(), lockedPackage) })
  .parse(JSON.parse(readRepositoryFile('package-lock.json')))

describe('the layout', () => {
  it('has the test files that are known to take long', () => {
    expect(longFiles.filter((path) => !files.includes(path))).toEqual([])
  })

  it.each([
    ...['pipelines/', 'tables/', 'bronze/', 'silver/', 'gold/', 'sluice/', 'shared-transforms/'],
    ...['bench/', 'test/', 'minio/', 'docker-compose.yml', '.ci/run', 'package.json'],
    ...['package-lock.json', 'README.md', 'CONTRIBUTING.md', 'DECISIONS.md', 'CHANGELOG.md'],
    'LICENSE',
  ])('has %s', (name) => {
    expect(files.some((path) => path === name || path.startsWith(name))).toBe(true)
  })

  it('has no folder that means everything and nothing', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|lib)(\/|\.[cm]?[jt]s$)/
    expect(files.filter((path) => vague.test(path))).toEqual([])
  })

  it('names files in kebab-case', () => {
    const names = code.map((path) => path.split('/').at(-1) ?? '')
    expect(names.filter((name) => !/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name))).toEqual([])
  })
})

describe('the size of files', () => {
  it('is at most 400 lines', () => {
    const long = code.filter((path) => lineCount(path) > 400)
    expect(long).toEqual([])
  })

  it('is under 60 lines for mains, which only put parts together', () => {
    const mains = code.filter((path) => /^pipelines\/([^/]+|.*\/main)\.ts$|^bench\/run/.test(path))
    expect(mains.filter((path) => lineCount(path) >= 60)).toEqual([])
  })
})

describe('the packages', () => {
  it('are pinned to exact versions', () => {
    const all = { ...packageJson.dependencies, ...packageJson.devDependencies }
    const loose = Object.entries(all).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    )
    expect(loose).toEqual([])
  })

  it('are named in package.json where the code imports them', () => {
    const known = new Set([
      ...Object.keys({ ...packageJson.dependencies, ...packageJson.devDependencies }),
      ...builtinModules.map((name) => `node:${name}`),
    ])
    const missing = code
      .flatMap(importsOf)
      .filter(({ to, specifier }) => to === undefined && !known.has(packageName(specifier)))
    expect(missing.map(({ from, specifier }) => `${from}: ${specifier}`)).toEqual([])
  })

  it('that only tests need are not imported by the product', () => {
    const product = /^(pipelines|serving|shared-transforms|bronze|silver|gold|sluice|tables|bin)\//
    const wrong = code
      .filter((path) => product.test(path))
      .flatMap(importsOf)
      .filter(({ specifier }) => packageName(specifier) in packageJson.devDependencies)
    expect(wrong.map(({ from, specifier }) => `${from}: ${specifier}`)).toEqual([])
  })

  it('all stand in the lock, those of other platforms too: npm ci refuses it otherwise', () => {
    const wanted = Object.values(lock.packages).flatMap((each) =>
      Object.keys({ ...each.dependencies, ...each.optionalDependencies }),
    )
    const paths = Object.keys(lock.packages)
    const missing = wanted.filter((name) => !paths.some((path) => path.endsWith(`/${name}`)))
    expect([...new Set(missing)]).toEqual([])
  })

  it('run on the oldest Node.js that we name', () => {
    const major = NODE_MIN.split('.')[0] ?? ''
    const fits = (range: string): boolean =>
      range.split('||').some((part) => {
        const [, sign, least] = /^\s*(>=?|\^|~)?\s*v?(\d+|\*)/.exec(part) ?? []
        if (least === '*') return true
        return sign?.startsWith('>') === true ? Number(least) <= Number(major) : least === major
      })
    const newer = Object.entries(lock.packages).filter(([, { engines }]) => !fits(engines.node))
    expect(newer.map(([path, { engines }]) => `${path} ${engines.node}`)).toEqual([])
  })

  it('come from the public registry', () => {
    const lines = readRepositoryFile('package-lock.json').split('\n')
    // The lock may leave the address out: npm then asks the registry that it is set to.
    const resolved = lines.filter((line) => line.includes('"resolved": '))
    expect(resolved.filter((line) => !line.includes('"https://registry.npmjs.org/'))).toEqual([])
  })

  it('run on the Node.js version that the start-up check asks for', () => {
    expect(packageJson.engines.node).toBe(`>=${NODE_MIN}`)
  })
})

describe('the text of files', () => {
  it('names no folder of one machine', () => {
    // In pieces, so that this file does not find itself.
    const folders = ['work', 'home', 'root', 'Users'].join('|')
    const machinePath = new RegExp(`(^|[\\s'"\`(=:])/(${folders})/[\\w.]`, 'm')
    const texts = files.filter((path) => path !== 'package-lock.json')
    expect(texts.filter((path) => machinePath.test(readRepositoryFile(path)))).toEqual([])
  })
})

function lineCount(path: string): number {
  return readRepositoryFile(path).trimEnd().split('\n').length
}

/** `@scope/name/path` -> `@scope/name`; `node:fs/promises` stays whole. */
function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
