import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from './free-ports.ts'
import { lastLines } from './run-command.ts'
import { spawnGuarded, stopGuarded } from './spawn-guarded.ts'
import type { GuardedProcess } from './spawn-guarded.ts'

/** How to reach a running S3 server, and as whom: plain data, fit for JSON. */
export interface S3Account {
  /** `http://127.0.0.1:port`, or https. */
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A running S3 server. */
export interface S3Server extends S3Account {
  readonly pid: number
  /** Ends it, and removes its data where it chose the folder itself. A second call does nothing. */
  stop(): Promise<void>
}

export interface S3ServerOptions {
  /** A free one where it is left out; for a server that is started again, the one it had. */
  readonly port?: number
  /** Keeps the data after `stop`; a temporary folder where it is left out. */
  readonly dataFolder?: string
  /** Makes `bucket.domain` an address of a bucket, beside `/bucket` (virtual-host style). */
  readonly domain?: string
  /** Whose the server is; one for tests where it is left out. */
  readonly account?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** PEM texts: it then answers https alone. For a program that knows how to. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** A file that its output is added to. */
  readonly logPath?: string
}

/** What differs between servers. */
export interface S3Program {
  /** For messages. */
  readonly name: string
  readonly program: string
  /** Path that answers 200 once it takes requests. */
  readonly healthPath: string
  /** Puts what it wants to find into its working folder, once. */
  prepare?(folder: string): Promise<void>
  launch(place: { readonly address: string; readonly dataFolder: string }): {
    readonly args: readonly string[]
    readonly env?: Readonly<Record<string, string>>
  }
}

/** The account of servers of tests: loopback only, and gone with the run. */
export const S3_ACCOUNT = {
  region: 'us-east-1',
  accessKeyId: 'sluice-test',
  secretAccessKey: 'sluice-test-secret',
} as const

const START_MS_MAX = 60_000
const START_TRIES = 3
const POLL_MS = 50
const KEPT_LINES = 60

/** Starts an S3 server on 127.0.0.1 and resolves once it is healthy. It dies with this process. */
export async function startS3Server(
  program: S3Program,
  options: S3ServerOptions = {},
): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
  try {
    await program.prepare?.(folder)
    return await startOnPort(program, options, folder)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** A port that was free can be taken before the server binds it: such a start is made again. */
async function startOnPort(
  program: S3Program,
  options: S3ServerOptions,
  folder: string,
): Promise<S3Server> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePorts(1))[0]
    if (port === undefined) throw new Error('no free port')
    const dataFolder = options.dataFolder ?? join(folder, 'data')
    await mkdir(dataFolder, { recursive: true })
    const address = `127.0.0.1:${port}`
    const { args, env } = program.launch({ address, dataFolder })
    const child = spawnGuarded(program.program, args, {
      cwd: folder,
      // Else they would write into the home folder of the person who runs the tests.
      env: { ...env, HOME: folder },
      logPath: options.logPath,
    })
    try {
      const endpoint = `${options.tls === undefined ? 'http' : 'https'}://${address}`
      await untilHealthy(child, `${endpoint}${program.healthPath}`, {
        name: program.name,
        ca: options.tls?.cert,
      })
      return serverOf(child, endpoint, { folder, options })
    } catch (error) {
      await stopGuarded(child, 0)
      const isPortTaken = /address already in use/i.test(String(error))
      if (!isPortTaken || options.port !== undefined || attempt === START_TRIES) throw error
    }
  }
}

function serverOf(
  child: GuardedProcess,
  endpoint: string,
  { folder, options }: { readonly folder: string; readonly options: S3ServerOptions },
): S3Server {
  return {
    ...S3_ACCOUNT,
    ...options.account,
    endpoint,
    pid: child.pid ?? 0,
    stop: async () => {
      await stopGuarded(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function untilHealthy(
  child: GuardedProcess,
  url: string,
  { name, ca }: { readonly name: string; readonly ca: string | undefined },
): Promise<void> {
  const lines: string[] = []
  const ended: { how?: string } = {}
  // Both are read to their end: a full pipe would stop the server.
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
    })
  }
  child.once('error', (error) => (ended.how = error.message))
  child.once('close', (code) => (ended.how ??= `ended with code ${code} before it was ready`))
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const isHealthy = await answersOk(url, ca)
    // Another server on this port may have answered: it must be ours that lives.
    if (ended.how === undefined && isHealthy) return
    const how = ended.how ?? (waitedMs > START_MS_MAX ? 'was not ready in time' : undefined)
    if (how !== undefined) {
      throw new Error(`${name} ${how}:\n${lastLines(lines.join('\n'), KEPT_LINES)}`)
    }
    await delay(POLL_MS)
  }
}

function answersOk(url: string, ca: string | undefined): Promise<boolean> {
  const get = ca === undefined ? httpGet : httpsGet
  return new Promise((resolve) => {
    const request = get(url, { timeout: 2000, ...(ca === undefined ? {} : { ca }) }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode === 200))
    })
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(false))
  })
}
