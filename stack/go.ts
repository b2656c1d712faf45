import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { installGoToolchain } from './go-toolchain.ts'
import { runCommand } from './run-command.ts'
import { ServiceMissing } from './service-missing.ts'

/** From here on a Go fetches by itself the newer Go that a module asks for. */
const GO_MINOR_MIN = 21

/** Building MinIO takes 4 minutes on two idle cores, and a multiple of it beside other work. */
const BUILD_MS_MAX = 30 * 60_000

/**
 * Path of a `go` of version 1.21 or newer: GOROOT, PATH, its usual folder, else the toolchain that
 * the Go module proxy serves (72 MB, once per machine). Throws ServiceMissing with the reason.
 */
export async function findGo(): Promise<string> {
  const root = process.env['GOROOT']
  const named = root === undefined || root === '' ? [] : [join(root, 'bin', 'go')]
  for (const go of [...named, 'go', '/usr/local/go/bin/go']) {
    const minor = await goMinorOf(go)
    if (minor !== undefined && minor >= GO_MINOR_MIN) return go
  }
  return installGoToolchain()
}

async function goMinorOf(go: string): Promise<number | undefined> {
  try {
    return parseGoMinor((await runCommand(go, ['version'], { timeoutMs: 30_000 })).stdout)
  } catch {
    return undefined
  }
}

/** 26 of `go version go1.26.8 linux/amd64`; undefined where it is no Go 1. */
export function parseGoMinor(text: string): number | undefined {
  const match = /\bgo1\.(\d+)/.exec(text)
  return match?.[1] === undefined ? undefined : Number(match[1])
}

/**
 * Builds the program of a Go package (`example.org/tool@v1.2.3`) into a folder. What the build
 * downloads and keeps, up to 2.2 GB, lies in a temporary folder inside and is removed. Throws
 * ServiceMissing, with the last lines of the build, where it fails.
 */
export async function goInstall(packageVersion: string, folder: string): Promise<void> {
  const go = await findGo()
  const scratch = await mkdtemp(join(folder, '.build-'))
  const env = {
    GOBIN: folder,
    GOPATH: join(scratch, 'path'),
    GOMODCACHE: join(scratch, 'modules'),
    GOCACHE: join(scratch, 'build'),
    // Else the module cache is read-only, and only root could remove it.
    GOFLAGS: [process.env['GOFLAGS'], '-modcacherw'].filter(Boolean).join(' '),
    GOTOOLCHAIN: 'auto',
    GOWORK: 'off',
    CGO_ENABLED: '0',
  }
  try {
    // -s -w leaves out what a debugger needs, a third of the file.
    const args = ['install', '-trimpath', '-ldflags', '-s -w', packageVersion]
    await runCommand(go, args, { env, cwd: folder, timeoutMs: BUILD_MS_MAX })
  } catch (error) {
    throw new ServiceMissing(`${packageVersion} could not be built: ${String(error)}`, error)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
