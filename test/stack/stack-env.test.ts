import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureStackEnv, generateStackSecrets, parseStackEnv } from '../../stack/stack-env.ts'
import { runCommand } from '../../stack/run-command.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-env-'))
  path = join(folder, '.env')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('ensureStackEnv', () => {
  it('makes a file that only its owner can read, with what it returns', async () => {
    const made = await ensureStackEnv(path)
    expect(made.isNew).toBe(true)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(parseStackEnv(await readFile(path, 'utf8'), path)).toEqual(made.secrets)
  })

  it('never writes to a file that is there', async () => {
    const made = await ensureStackEnv(path)
    const text = await readFile(path, 'utf8')
    const again = await ensureStackEnv(path)
    expect(again).toEqual({ secrets: made.secrets, isNew: false, isOpen: false })
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  it('says where other accounts can read it', async () => {
    const text = Object.entries(generateStackSecrets()).map(([name, value]) => `${name}="${value}"`)
    await writeFile(path, text.join('\n'), { mode: 0o644 })
    expect(await ensureStackEnv(path)).toMatchObject({ isNew: false, isOpen: true })
  })

  it('names the variables that a file of somebody else lacks, and leaves it alone', async () => {
    await writeFile(path, 'DATABASE_URL=postgres://me:secret@host\nMINIO_ROOT_USER=\n')
    const failure = ensureStackEnv(path)
    await expect(failure).rejects.toThrow(/without MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, .*TOKEN/)
    await expect(failure).rejects.not.toThrow('secret@')
    expect(await readFile(path, 'utf8')).toContain('DATABASE_URL')
  })

  it('gives a shell that reads it the names that S3 clients look for', async () => {
    const { secrets } = await ensureStackEnv(path)
    const { stdout } = await runCommand('/bin/sh', [
      '-c',
      `set -a; . '${path}'; set +a; env | grep -E '^AWS_(ACCESS|SECRET)' | sort`,
    ])
    expect(stdout).toBe(
      `AWS_ACCESS_KEY_ID=${secrets.SLUICE_S3_ACCESS_KEY_ID}\n` +
        `AWS_SECRET_ACCESS_KEY=${secrets.SLUICE_S3_SECRET_ACCESS_KEY}\n`,
    )
  })
})

describe('generateStackSecrets', () => {
  it('never gives the same secret twice', () => {
    const all = [generateStackSecrets(), generateStackSecrets()].flatMap(Object.values)
    expect(new Set(all).size).toBe(10)
  })

  it('keeps to what MinIO takes and to what needs no quotes in a shell', () => {
    const secrets = generateStackSecrets()
    for (const value of Object.values(secrets)) expect(value).toMatch(/^[a-z0-9-]{8,64}$/)
    for (const name of ['MINIO_ROOT_USER', 'SLUICE_S3_ACCESS_KEY_ID'] as const) {
      expect(secrets[name].length).toBeLessThanOrEqual(20)
    }
    expect(secrets.SLUICE_S3_SECRET_ACCESS_KEY.length).toBeLessThanOrEqual(40)
  })
})
