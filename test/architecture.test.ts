import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from './support/data.ts'
import { importsOf, repositoryFiles } from './support/repository-files.ts'
import type { ImportLine } from './support/repository-files.ts'

/**
 * The floors of the house. A file may import from its own folder and from what is listed here; a
 * folder that is not listed may be imported by nobody. Arrows only point down.
 */
const floors: Readonly<Record<string, readonly string[]>> = {
  pipelines: [
    'serving',
    'shared-transforms',
    'bronze',
    'silver',
    'gold',
    'sluice',
    'tables',
    'package.json',
  ],
  serving: ['shared-transforms', 'bronze', 'silver', 'gold', 'sluice', 'tables'],
  'shared-transforms': ['bronze', 'silver', 'gold', 'sluice', 'tables/spec', 'tables/errors.ts'],
  bronze: ['tables/spec'],
  silver: ['tables/spec'],
  gold: ['tables/spec'],
  sluice: ['tables/spec'],
  tables: [],
}

/** The floors inside of tables/: what each of its folders may import beside itself. */
const ground = ['tables/errors.ts', 'tables/clock.ts', 'tables/spec']
const tableFloors: Readonly<Record<string, readonly string[]>> = {
  'tables/errors.ts': [],
  'tables/clock.ts': [],
  'tables/spec': ['tables/errors.ts'],
  'tables/file-io': ground,
  'tables/engine': [...ground, 'tables/file-io'],
  'tables/puffin': ground,
  'tables/evolve': ground,
  'tables/write': [...ground, 'tables/file-io', 'tables/engine', 'tables/puffin'],
  'tables/scan': [...ground, ...['file-io', 'engine', 'puffin', 'write'].map(inTables)],
  'tables/catalog': [...ground, 'tables/file-io'],
  'tables/commit': [...ground, ...['file-io', 'engine', 'write', 'scan', 'catalog'].map(inTables)],
  'tables/maintain': [
    ...ground,
    ...['file-io', 'engine', 'puffin', 'write', 'scan', 'catalog', 'commit'].map(inTables),
  ],
  'tables/query': [...ground, ...['file-io', 'engine', 'write', 'scan', 'catalog'].map(inTables)],
  'tables/index.ts': [
    ...ground,
    ...['file-io', 'engine', 'write', 'scan', 'catalog', 'commit'].map(inTables),
    ...['maintain', 'query'].map(inTables),
  ],
}

/**
 * Decisions without I/O may also be used from the other side of the line: a catalog applies the
 * updates of a commit, and a commit takes along what the retention of a lake decides. Such a file
 * reaches the spec alone.
 */
const pureFloors: Readonly<Record<string, string>> = {
  'tables/catalog': 'tables/commit',
  'tables/commit': 'tables/maintain',
}

/** Tools around the product. They may import any of it; nothing of it may import them. */
const tools: Readonly<Record<string, readonly string[]>> = {
  stack: [],
  bench: ['stack', ...Object.keys(floors)],
  test: ['stack', 'bench', 'bin', ...Object.keys(floors)],
  bin: ['pipelines/cli/main.ts'],
  examples: [],
}

function inTables(folder: string): string {
  return `tables/${folder}`
}

const files = repositoryFiles()
const code = files.filter((path) => /\.(ts|mts|js|mjs)$/.test(path) && path.includes('/'))
const imports = code.flatMap(importsOf)

describe('the floors', () => {
  it('know every folder that holds code', () => {
    const folders = new Set(code.map(topFolder))
    const known = new Set([...Object.keys(floors), ...Object.keys(tools)])
    expect([...folders].filter((folder) => !known.has(folder))).toEqual([])
  })

  it('are only crossed downwards', () => {
    const allowed = { ...floors, ...tools }
    expect(
      imports.filter((line) => !isAllowed(line, topFolder(line.from), allowed)).map(show),
    ).toEqual([])
  })

  it('inside of tables/ are only crossed downwards', () => {
    const inside = imports.filter((line) => topFolder(line.from) === 'tables')
    const wrong = inside.filter(
      (line) => !isAllowed(line, tableFloor(line.from), tableFloors) && !isPureUse(line),
    )
    expect(wrong.map(show)).toEqual([])
  })

  it('have no circle of files that import each other', () => {
    expect(firstCircle(imports.filter((line) => !line.isTypeOnly))).toBeUndefined()
  })
})

describe('pure floors', () => {
  it.each([
    ['tables/spec/', ['avsc', 'lossless-json', 'node:buffer', 'node:crypto']],
    ['shared-transforms/', []],
    ['bronze/', []],
    ['silver/', []],
    ['gold/', []],
    ['sluice/', []],
  ])('%s imports no package that could reach outside', (folder, packages) => {
    const wrong = imports.filter(
      ({ from, to, specifier }) =>
        from.startsWith(folder) && to === undefined && !packages.includes(specifier),
    )
    expect(wrong.map(show)).toEqual([])
  })

  it('ask the model of a lake, and not the constants that the built-in one is made of', () => {
    const constants = ['kind', 'lake-tables', 'lake-views', 'formats/formats'].map(
      (name) => `shared-transforms/${name}.ts`,
    )
    const users = imports.filter(
      ({ from, to, isTypeOnly }) =>
        from.startsWith('pipelines/') && !isTypeOnly && constants.includes(to ?? ''),
    )
    expect(users.map(show)).toEqual([])
  })

  it('keep the engine behind tables/engine', () => {
    const users = imports.filter(
      ({ from, specifier }) =>
        specifier.startsWith('@duckdb/') && !/^(tables\/engine|test|bench)\//.test(from),
    )
    expect(users.map(show)).toEqual([])
  })

  it('keep the Kafka client behind its sources and producers', () => {
    const users = imports.filter(
      ({ from, specifier }) =>
        specifier.startsWith('kafkajs') &&
        !/^(pipelines\/(sources|producers)|test|bench|stack)\//.test(from),
    )
    expect(users.map(show)).toEqual([])
  })

  it('keep the S3 client behind tables/file-io', () => {
    const users = imports.filter(
      ({ from, specifier }) =>
        specifier.startsWith('@aws-sdk/') && !/^(tables\/file-io\/s3-|test|bench)/.test(from),
    )
    expect(users.map(show)).toEqual([])
  })
})

describe('imports', () => {
  it('name the file with its extension, and the file is there', () => {
    const relative = imports.filter((line) => line.to !== undefined)
    const wrong = relative.filter(
      ({ specifier, to }) =>
        !/\.(ts|mjs|json)$/.test(specifier) || !existsSync(join(repositoryRoot, to ?? '')),
    )
    expect(wrong.map(show)).toEqual([])
  })
})

function topFolder(path: string): string {
  return path.split('/')[0] ?? path
}

/** `tables/commit/stage.ts` -> `tables/commit`; single files that have a rule keep their path. */
function tableFloor(path: string): string {
  if (tableFloors[path] !== undefined) return path
  return path.split('/').slice(0, 2).join('/')
}

function isAllowed(
  { from, to }: ImportLine,
  floor: string,
  rules: Readonly<Record<string, readonly string[]>>,
): boolean {
  if (to === undefined) return true
  const own = from === floor ? [] : [floor]
  const targets = [...own, ...(rules[floor] ?? [])]
  return targets.some((target) => to === target || to.startsWith(`${target}/`))
}

function isPureUse({ from, to }: ImportLine): boolean {
  const floor = pureFloors[tableFloor(from)]
  return to !== undefined && floor !== undefined && to.startsWith(`${floor}/`) && isPure(to)
}

/** Whether a file and all that it imports, to the end, is types, spec, errors or pure itself. */
function isPure(path: string, trail: readonly string[] = []): boolean {
  if (path.startsWith('tables/spec/') || path === 'tables/errors.ts') return true
  if (!Object.values(pureFloors).includes(tableFloor(path))) return false
  if (trail.includes(path)) return true
  return imports
    .filter(({ from, isTypeOnly }) => from === path && !isTypeOnly)
    .every(({ to, specifier }) =>
      to === undefined ? specifier === 'node:util' : isPure(to, [...trail, path]),
    )
}

function show(line: ImportLine): string {
  return `${line.from} imports ${line.to ?? line.specifier}`
}

/** The files of a circle in order, undefined where there is none. Depth first, each file once. */
function firstCircle(lines: readonly ImportLine[]): string[] | undefined {
  const targets = new Map<string, string[]>()
  for (const { from, to } of lines) {
    if (to !== undefined) targets.set(from, [...(targets.get(from) ?? []), to])
  }
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (finished.has(path)) return undefined
    for (const target of targets.get(path) ?? []) {
      const circle = visit(target, [...trail, path])
      if (circle !== undefined) return circle
    }
    finished.add(path)
    return undefined
  }
  for (const path of targets.keys()) {
    const circle = visit(path, [])
    if (circle !== undefined) return circle
  }
  return undefined
}
