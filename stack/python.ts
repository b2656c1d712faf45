import { join } from 'node:path'
import { aptInstall } from './apt.ts'
import { installOnce } from './install-once.ts'
import { runCommand } from './run-command.ts'
import { ServiceMissing } from './service-missing.ts'

/** PyIceberg, the first foreign reader of our tables. */
export const PYICEBERG_VERSION = '0.12.0'
/** Its smallest Python that we test with. */
export const PYTHON_MIN = { major: 3, minor: 11 } as const

/** Another reader and writer of Avro, which knows nothing of Iceberg. */
export const FASTAVRO_VERSION = '1.13.1'

/** pyiceberg-core is what lets PyIceberg write tables with day and bucket partitions. */
const REQUIREMENTS = [
  `pyiceberg[pyarrow,sql-sqlite,pyiceberg-core]==${PYICEBERG_VERSION}`,
  `fastavro[zstandard]==${FASTAVRO_VERSION}`,
]

/**
 * Path of a `python` that has PyIceberg and fastavro, in a venv made once per machine (75 MB from PyPI). Throws
 * ServiceMissing where Python 3.11 or the packages cannot be had.
 */
export async function installPyIceberg(): Promise<string> {
  return installPython(`pyiceberg-${PYICEBERG_VERSION}-fastavro-${FASTAVRO_VERSION}`, REQUIREMENTS)
}

/** The same with other packages of PyPI; `name` says which, and their versions. */
export async function installPython(
  name: string,
  requirements: readonly string[],
): Promise<string> {
  const python = await findPython()
  const { major, minor } = (await pythonVersion(python)) ?? PYTHON_MIN
  const folder = await installOnce(`${name}-python-${major}.${minor}`, (target) =>
    makeVenv(python, target, requirements),
  )
  return join(folder, 'venv', 'bin', 'python')
}

async function makeVenv(
  python: string,
  folder: string,
  requirements: readonly string[],
): Promise<void> {
  const venv = join(folder, 'venv')
  try {
    await runCommand(python, ['-m', 'venv', venv])
  } catch {
    // Debian keeps ensurepip, which a venv needs, in a package of its own.
    await aptInstall(['python3-venv'], 'The Python module venv')
    await runCommand(python, ['-m', 'venv', '--clear', venv])
  }
  const quiet = ['--quiet', '--disable-pip-version-check']
  const pip = ['-m', 'pip', 'install', ...quiet, ...requirements]
  try {
    await runCommand(join(venv, 'bin', 'python'), pip)
  } catch (error) {
    throw new ServiceMissing(
      `pip could not install ${requirements.join(' ')}: ${String(error)}`,
      error,
    )
  }
}

async function findPython(): Promise<string> {
  const found = await firstUsable()
  if (found !== undefined) return found
  const wanted = `Python ${PYTHON_MIN.major}.${PYTHON_MIN.minor} or newer`
  await aptInstall(['python3', 'python3-venv'], wanted)
  const installed = await firstUsable()
  if (installed !== undefined) return installed
  throw new ServiceMissing(`${wanted} was not found, and apt-get has none as new`)
}

async function firstUsable(): Promise<string | undefined> {
  for (const python of ['python3', '/usr/bin/python3']) {
    const version = await pythonVersion(python)
    if (version === undefined || version.major !== PYTHON_MIN.major) continue
    if (version.minor >= PYTHON_MIN.minor) return python
  }
  return undefined
}

async function pythonVersion(
  python: string,
): Promise<{ major: number; minor: number } | undefined> {
  try {
    const { stdout } = await runCommand(python, ['--version'], { timeoutMs: 30_000 })
    const match = /^Python (\d+)\.(\d+)/.exec(stdout)
    if (match === null) return undefined
    return { major: Number(match[1]), minor: Number(match[2]) }
  } catch {
    return undefined
  }
}
