import { randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { StackError } from './stack-error.ts'

/** The secrets of a stack. docker-compose.yml and the native services read the same file. */
export interface StackSecrets {
  /** MinIO's root account, for its set-up alone. */
  readonly MINIO_ROOT_USER: string
  readonly MINIO_ROOT_PASSWORD: string
  /** The account of writers and readers of the lake: its bucket, and nothing else. */
  readonly SLUICE_S3_ACCESS_KEY_ID: string
  readonly SLUICE_S3_SECRET_ACCESS_KEY: string
  /** What clients of Sluice's catalog send. */
  readonly SLUICE_CATALOG_TOKEN: string
}

/** Random each time. MinIO's limits: an access key of 3 to 20 characters, a secret of 8 to 40. */
export function generateStackSecrets(): StackSecrets {
  return {
    MINIO_ROOT_USER: `root-${randomBytes(6).toString('hex')}`,
    MINIO_ROOT_PASSWORD: randomBytes(20).toString('hex'),
    SLUICE_S3_ACCESS_KEY_ID: `sluice-${randomBytes(6).toString('hex')}`,
    SLUICE_S3_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
    SLUICE_CATALOG_TOKEN: randomBytes(32).toString('hex'),
  }
}

/** The file's text: read by a shell, by docker compose and by this program. */
export function stackEnvText(secrets: StackSecrets): string {
  const line = (name: keyof StackSecrets): string => `${name}=${secrets[name]}\n`
  return (
    '# Secrets of the local stack, made by `npm run stack -- env`. Never commit this file.\n' +
    '# A shell takes them over by: set -a; . ./.env; set +a\n\n' +
    "# MinIO's root account, for its set-up alone.\n" +
    line('MINIO_ROOT_USER') +
    line('MINIO_ROOT_PASSWORD') +
    '\n# The account of the lake: its bucket, and nothing else.\n' +
    line('SLUICE_S3_ACCESS_KEY_ID') +
    line('SLUICE_S3_SECRET_ACCESS_KEY') +
    "\n# What clients of Sluice's catalog send.\n" +
    line('SLUICE_CATALOG_TOKEN') +
    '\n# The names under which S3 clients look for an account.\n' +
    'AWS_ACCESS_KEY_ID=${SLUICE_S3_ACCESS_KEY_ID}\n' +
    'AWS_SECRET_ACCESS_KEY=${SLUICE_S3_SECRET_ACCESS_KEY}\n'
  )
}

export interface StackEnvFile {
  readonly secrets: StackSecrets
  /** False where the file was there already, and was left as it is. */
  readonly isNew: boolean
  /** The file can be read by other accounts of this machine. */
  readonly isOpen: boolean
}

/**
 * Makes the file with mode 600 where it is not there, and reads it. A file that is there is never
 * written to.
 * @throws StackError where a variable is missing in it.
 */
export async function ensureStackEnv(path: string): Promise<StackEnvFile> {
  const secrets = generateStackSecrets()
  try {
    await writeFile(path, stackEnvText(secrets), { flag: 'wx', mode: 0o600 })
    return { secrets, isNew: true, isOpen: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new StackError(
        `${path} cannot be written. Nothing was started: ${String(error)}`,
        error,
      )
    }
  }
  const text = await readFile(path, 'utf8')
  const { mode } = await stat(path)
  return { secrets: parseStackEnv(text, path), isNew: false, isOpen: (mode & 0o077) !== 0 }
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/

/**
 * The secrets in a text of `NAME=value` lines; quotes around a value are taken off. Other names
 * are left alone.
 * @throws StackError where one is missing or empty; its message holds names only.
 */
export function parseStackEnv(text: string, path: string): StackSecrets {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, value] = ASSIGNMENT.exec(line) ?? []
    if (name !== undefined && value !== undefined) {
      values.set(name, value.replace(/^(['"])(.*)\1$/, '$2'))
    }
  }
  const missing: string[] = []
  const valueOf = (name: keyof StackSecrets): string => {
    const value = values.get(name) ?? ''
    if (value === '') missing.push(name)
    return value
  }
  const secrets: StackSecrets = {
    MINIO_ROOT_USER: valueOf('MINIO_ROOT_USER'),
    MINIO_ROOT_PASSWORD: valueOf('MINIO_ROOT_PASSWORD'),
    SLUICE_S3_ACCESS_KEY_ID: valueOf('SLUICE_S3_ACCESS_KEY_ID'),
    SLUICE_S3_SECRET_ACCESS_KEY: valueOf('SLUICE_S3_SECRET_ACCESS_KEY'),
    SLUICE_CATALOG_TOKEN: valueOf('SLUICE_CATALOG_TOKEN'),
  }
  if (missing.length === 0) return secrets
  throw new StackError(
    `${path} is there, but without ${missing.join(', ')}. It was left as it is and nothing was ` +
      'started. Add what is missing, or move the file away and run `npm run stack -- env`.',
  )
}
