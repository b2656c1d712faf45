import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', 'golden')

/** The text of a file that another engine made: `readGolden('iceberg-java/ValidViewMetadata.json')`. */
export function readGolden(path: string): string {
  return readFileSync(join(folder, path), 'utf8')
}

/** The bytes of such a file, where it is not text. */
export function readGoldenBytes(path: string): Uint8Array {
  return readFileSync(goldenPath(path))
}

/** The absolute path of such a file or folder. */
export function goldenPath(path: string): string {
  return join(folder, path)
}

/** Paths below `test/golden` of the files of a folder whose name fits. */
export function goldenFiles(project: string, name: RegExp): readonly string[] {
  return readdirSync(join(folder, project))
    .filter((file) => name.test(file))
    .map((file) => `${project}/${file}`)
}
