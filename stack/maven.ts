import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ServiceMissing } from './service-missing.ts'

/** One file of Maven Central, pinned by its bytes. */
export interface PinnedJar {
  /** Path below the repository's root. */
  readonly path: string
  readonly sha256: string
  readonly sizeBytes: number
}

const MAVEN_CENTRAL = 'https://repo1.maven.org/maven2'
const CONNECTIONS = 6
const TRIES = 4

/**
 * Downloads the jars into a folder. The list is the whole closure, so that no resolver and no
 * Maven is needed, and a changed byte is refused. Throws ServiceMissing where Central cannot be
 * reached.
 */
export async function downloadJars(jars: readonly PinnedJar[], folder: string): Promise<void> {
  const waiting = [...jars]
  const worker = async (): Promise<void> => {
    for (let jar = waiting.pop(); jar !== undefined; jar = waiting.pop()) {
      await writeFile(join(folder, basename(jar.path)), await downloadJar(jar))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
}

async function downloadJar(jar: PinnedJar): Promise<Uint8Array> {
  const url = `${MAVEN_CENTRAL}/${jar.path}`
  let failure: unknown
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(120_000) })
      if (!response.ok) throw new Error(`status ${response.status}`)
      const bytes = new Uint8Array(await response.arrayBuffer())
      checkJar(jar, bytes)
      return bytes
    } catch (error) {
      failure = error
    }
  }
  throw new ServiceMissing(`${url} could not be downloaded: ${String(failure)}`, failure)
}

/** Throws where the bytes are not the ones that were pinned. */
export function checkJar(jar: PinnedJar, bytes: Uint8Array): void {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== jar.sha256) {
    throw new Error(`${jar.path}: sha256 is ${sha256}, pinned is ${jar.sha256}`)
  }
}
