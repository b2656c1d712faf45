import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fromBufferPromise } from 'yauzl'
import { installOnce } from './install-once.ts'
import { ServiceMissing } from './service-missing.ts'

/** The Go that is downloaded where a machine has none. */
export const GO_VERSION = '1.26.8'

/** The toolchain's archives on the module proxy, pinned by their bytes. */
const archives: Readonly<Record<string, string>> = {
  'linux-amd64': '30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7',
  'linux-arm64': '02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99',
}

const DEFAULT_PROXY = 'https://proxy.golang.org'
const DOWNLOAD_MS_MAX = 10 * 60_000

/**
 * Path of a `go` from the Go module proxy (GOPROXY, else proxy.golang.org). Throws ServiceMissing
 * where there is none for this machine, or the proxy cannot be reached.
 */
export async function installGoToolchain(): Promise<string> {
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const sha256 = archives[platform]
  if (sha256 === undefined) {
    throw new ServiceMissing(
      `Go 1.21 or newer was not found, and is not downloaded for ${platform}: ` +
        'install it from https://go.dev/dl',
    )
  }
  const module = `v0.0.1-go${GO_VERSION}.${platform}`
  const folder = await installOnce(`go-${GO_VERSION}-${platform}`, async (target) => {
    await unzip(await download(module, sha256), `golang.org/toolchain@${module}/`, target)
  })
  return join(folder, 'bin', 'go')
}

async function download(module: string, sha256: string): Promise<Buffer> {
  const url = `${goProxy(process.env['GOPROXY'])}/golang.org/toolchain/@v/${module}.zip`
  let bytes: Buffer
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS_MAX) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    bytes = Buffer.from(await response.arrayBuffer())
  } catch (error) {
    throw new ServiceMissing(
      `Go 1.21 or newer was not found, and Go ${GO_VERSION} could not be downloaded from ` +
        `the module proxy (${String(error)}): install Go, or set GOPROXY`,
      error,
    )
  }
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== sha256) throw new Error(`Go ${GO_VERSION}: sha256 is ${found}, pinned is ${sha256}`)
  return bytes
}

/** The first address of a GOPROXY list; the public proxy where the list names none. */
export function goProxy(list: string | undefined): string {
  const addresses = (list ?? '').split(/[,|]/).map((each) => each.trim())
  const first = addresses.find((each) => /^https?:\/\//.test(each)) ?? DEFAULT_PROXY
  return first.replace(/\/+$/, '')
}

/** Unpacks what lies below `prefix`. Programs are marked as such: module archives keep no modes. */
async function unzip(archive: Buffer, prefix: string, folder: string): Promise<void> {
  const zip = await fromBufferPromise(archive)
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.endsWith('/') || !entry.fileName.startsWith(prefix)) continue
    const name = entry.fileName.slice(prefix.length)
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path))
    if (/^(bin|pkg\/tool)\//.test(name)) await chmod(path, 0o755)
  }
}
