import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeVersionError } from '../bin/node-version.mjs'
import { repositoryRoot } from './support/data.ts'
import { importsOf, readRepositoryFile, repositoryFiles } from './support/repository-files.ts'

const lines = readRepositoryFile('Dockerfile')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))

/** What is copied out of the checkout. */
const copied = lines
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(/ +/).slice(1, -1))

describe('the Dockerfile', () => {
  it('builds on a pinned Node.js that Sluice runs on, in two stages', () => {
    const images = lines
      .filter((line) => line.startsWith('FROM '))
      .map((line) => line.split(' ')[1])
    expect(images).toHaveLength(2)
    expect(new Set(images).size).toBe(1)
    const [, version = ''] = /^node:(\d+\.\d+\.\d+)-/.exec(images[0] ?? '') ?? []
    expect(nodeVersionError(version)).toBeUndefined()
  })

  it('copies what is there', () => {
    expect(copied.filter((path) => !existsSync(join(repositoryRoot, path)))).toEqual([])
  })

  it('copies all that the product imports', () => {
    const inImage = (path: string): boolean =>
      copied.some((source) => path === source || path.startsWith(`${source}/`))
    const product = repositoryFiles().filter((path) => /\.(ts|mjs)$/.test(path) && inImage(path))
    const missing = product.flatMap(importsOf).filter(({ to }) => to !== undefined && !inImage(to))
    expect(product).toContain('pipelines/cli/main.ts')
    expect(missing.map(({ from, to }) => `${from} imports ${to ?? ''}`)).toEqual([])
  })

  it('installs the locked packages without scripts and without those of development', () => {
    const install = lines.find((line) => line.includes('npm ci')) ?? ''
    expect(install).toContain('--ignore-scripts')
    expect(install).toContain('--omit=dev')
  })

  it('does not run as root, and checks its health', () => {
    const user = lines.findIndex((line) => line === 'USER node')
    const entry = lines.findIndex((line) => line.startsWith('ENTRYPOINT'))
    expect(user).toBeGreaterThan(0)
    expect(entry).toBeGreaterThan(user)
    expect(lines.some((line) => line.startsWith('HEALTHCHECK'))).toBe(true)
  })
})

describe('.dockerignore', () => {
  const rules = readRepositoryFile('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

  it('leaves everything out but what is copied', () => {
    expect(rules[0]).toBe('*')
    const allowed = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1))
    expect(allowed.sort()).toEqual([...new Set(copied)].sort())
  })

  it('keeps secrets and packages out of every folder: the last rule that fits counts', () => {
    expect(rules.slice(-2)).toEqual(['**/node_modules', '**/.env*'])
  })
})
