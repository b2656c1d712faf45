import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installIcebergJava } from './iceberg-java.ts'
import { readJunitReport } from './junit-report.ts'
import type { TestCase } from './junit-report.ts'
import { lastLines } from './run-command.ts'
import { spawnGuarded } from './spawn-guarded.ts'
import type { GuardedProcess } from './spawn-guarded.ts'

export interface KitResult {
  readonly passedCount: number
  readonly skippedCount: number
  /** `testName: message` of each test that failed. */
  readonly failures: readonly string[]
}

export interface KitOptions {
  /** The catalog's address. Its warehouse must be a new, empty folder that this machine sees. */
  readonly uri: string
  /** The warehouse that clients name. */
  readonly warehouse: string
  /** One test instead of all: `RESTCompatibilityKitCatalogTests#createTableTransaction()`. */
  readonly method?: string
}

const PACKAGE = 'org.apache.iceberg.rest'
const CLASSES = ['RESTCompatibilityKitCatalogTests', 'RESTCompatibilityKitViewCatalogTests']
const RUN_MS_MAX = 420_000

/** What the kit is told of the catalog under test. */
const settings = {
  'rck.local': 'false',
  'rck.requires-namespace-create': 'true',
  'rck.supports-serverside-retry': 'true',
  'rck.purge-test-namespaces': 'true',
  'org.slf4j.simpleLogger.defaultLogLevel': 'warn',
}

/**
 * Runs Apache Iceberg's REST Compatibility Kit against a catalog: 157 tests, about half a minute.
 * Throws ServiceMissing where it cannot be installed, and where it ends without a report.
 */
export async function runCompatibilityKit(options: KitOptions): Promise<KitResult> {
  const { java, classPath } = await installIcebergJava()
  const reports = await mkdtemp(join(tmpdir(), 'sluice-kit-'))
  try {
    const flags = Object.entries({
      ...settings,
      uri: options.uri,
      warehouse: options.warehouse,
    }).map(([name, value]) => `-D${name}=${value}`)
    const output = await untilEnded(
      spawnGuarded(java, [
        ...['-Xmx1g', '-XX:+UseSerialGC', ...flags, '-cp', classPath],
        ...['org.junit.platform.console.ConsoleLauncher', 'execute', ...selection(options)],
        ...['--details', 'summary', '--disable-banner', '--reports-dir', reports],
      ]),
    )
    return resultOf(await readReports(reports), output)
  } finally {
    await rm(reports, { recursive: true, force: true })
  }
}

function selection({ method }: KitOptions): readonly string[] {
  if (method !== undefined) return ['--select-method', `${PACKAGE}.${method}`]
  return CLASSES.flatMap((name) => ['--select-class', `${PACKAGE}.${name}`])
}

async function readReports(folder: string): Promise<readonly TestCase[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.xml'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap(readJunitReport)
}

function resultOf(cases: readonly TestCase[], output: string): KitResult {
  if (cases.length === 0) {
    throw new Error(`The compatibility kit ran no test:\n${lastLines(output, 40)}`)
  }
  const having = (outcome: TestCase['outcome']): readonly TestCase[] =>
    cases.filter((test) => test.outcome === outcome)
  return {
    passedCount: having('passed').length,
    skippedCount: having('skipped').length,
    failures: having('failed').map(({ name, message }) => `${name}: ${message}`),
  }
}

/** What it printed. It ends with code 1 where a test failed, which the reports say better. */
async function untilEnded(child: GuardedProcess): Promise<string> {
  let output = ''
  const collect = (text: Buffer): void => {
    output = (output + text.toString()).slice(-65_536)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`The compatibility kit ran for ${RUN_MS_MAX} ms:\n${output}`))
    }, RUN_MS_MAX)
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      resolve(output)
    })
  })
}
