import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { repositoryRoot } from './data.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `bin/sluice.mjs` of the sources as JavaScript; absent where no project asks for it. */
    builtSluice?: string
  }
}

/** The types are judged by `npm run types`; these suites want what runs. */
const COMPILER_OPTIONS = ['--noCheck', '--declaration', 'false']

/**
 * Global setup: lays Sluice out as its package does, JavaScript and no sources, made of the sources
 * as they are now. Suites start hundreds of command lines, each of which would else strip the types
 * of every module that it loads: more than half of the CPU time of a short command.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-built-'))
  for (const name of ['bin', 'package.json']) {
    await cp(join(repositoryRoot, name), join(folder, name), { recursive: true })
  }
  const packages = join(repositoryRoot, 'node_modules')
  await symlink(packages, join(folder, 'node_modules'))
  const compiler = join(packages, 'typescript', 'bin', 'tsc')
  const args = ['-p', join(repositoryRoot, 'tsconfig.build.json'), ...COMPILER_OPTIONS]
  await promisify(execFile)(process.execPath, [compiler, ...args, '--outDir', join(folder, 'dist')])
  project.provide('builtSluice', join(folder, 'bin', 'sluice.mjs'))
  return () => rm(folder, { recursive: true, force: true })
}
