import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from './install-once.ts'
import { installPyIceberg } from './python.ts'
import { runCommand } from './run-command.ts'
import { ServiceMissing } from './service-missing.ts'

/** The extensions fit this DuckDB only, which is the one in package.json. */
export const DUCKDB_VERSION = '1.5.5'

/** What DuckDB's Iceberg extension needs: Avro for manifests, HTTP for the catalog. */
const EXTENSIONS = ['avro', 'httpfs', 'iceberg'] as const

export interface DuckDbExtensions {
  /** Statements that load them, in the order in which they need each other. */
  readonly loadStatements: readonly string[]
}

/**
 * DuckDB's own Iceberg extension, from PyPI (30 MB), since DuckDB's extension server may be out of
 * reach. Throws ServiceMissing where there is no wheel for this machine.
 */
export async function installDuckDbExtensions(): Promise<DuckDbExtensions> {
  const python = await installPyIceberg()
  const folder = await installOnce(`duckdb-extensions-${DUCKDB_VERSION}`, (target) =>
    unpackWheels(python, target),
  )
  return {
    loadStatements: EXTENSIONS.map(
      (name) => `LOAD '${join(folder, `${name}.duckdb_extension`).replaceAll("'", "''")}'`,
    ),
  }
}

async function unpackWheels(python: string, folder: string): Promise<void> {
  const wheels = join(folder, 'wheels')
  await mkdir(wheels)
  const wanted = EXTENSIONS.map((name) => `duckdb-extension-${name}==${DUCKDB_VERSION}`)
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps']
  try {
    await runCommand(python, [...pip, '--dest', wheels, ...wanted])
  } catch (error) {
    const reason = `pip could not download ${wanted.join(', ')}: ${String(error)}`
    throw new ServiceMissing(reason, error)
  }
  for (const wheel of await readdir(wheels)) {
    await runCommand(python, ['-m', 'zipfile', '-e', join(wheels, wheel), join(wheels, 'out')])
  }
  const unpacked = await readdir(join(wheels, 'out'), { recursive: true })
  for (const name of EXTENSIONS) {
    const found = unpacked.find((path) => path.endsWith(`${name}.duckdb_extension`))
    if (found === undefined) throw new ServiceMissing(`the wheel of ${name} holds no extension`)
    await rename(join(wheels, 'out', found), join(folder, `${name}.duckdb_extension`))
  }
  await rm(wheels, { recursive: true })
}
