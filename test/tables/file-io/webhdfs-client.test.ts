import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'

import {
  createHdfsFileIO,
  type HdfsFileIO,
  type HdfsFileIOOptions,
} from '../../../tables/file-io/hdfs-file-io.ts'

interface FakeAnswer {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
  readonly location?: string
}

interface FakeServer {
  readonly url: string
  /** `METHOD op path` of every request. */
  readonly seen: string[]
  readonly urls: string[]
}

type Handler = (request: { url: URL; method: string; body: string }) => FakeAnswer

const servers: Server[] = []
const opened: HdfsFileIO[] = []

afterEach(async () => {
  for (const fileIO of opened.splice(0)) fileIO.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function startFake(handle: Handler): Promise<FakeServer> {
  const seen: string[] = []
  const urls: string[] = []
  const server = createServer((incoming, answer) => {
    void readAll(incoming).then((body) => {
      const url = new URL(incoming.url ?? '', 'http://fake')
      const method = incoming.method ?? ''
      seen.push(`${method} ${url.searchParams.get('op') ?? ''} ${url.pathname}`)
      urls.push(url.href)
      const { status, json, text, location } = handle({ url, method, body })
      const type = json === undefined ? 'application/octet-stream' : 'application/json'
      answer.writeHead(status, { 'content-type': type, ...(location && { location }) })
      answer.end(json === undefined ? text : JSON.stringify(json))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, urls }
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const refusal = (status: number, javaClassName: string, message: string): FakeAnswer => ({
  status,
  json: {
    RemoteException: { exception: javaClassName.split('.').at(-1), javaClassName, message },
  },
})
const standby = refusal(
  403,
  'org.apache.hadoop.ipc.StandbyException',
  'Operation category READ is not supported in state standby.',
)
const aFile = (length: number, fileId?: number): FakeAnswer => ({
  status: 200,
  json: {
    FileStatus: {
      ...{ pathSuffix: '', type: 'FILE', length, modificationTime: 5 },
      ...(fileId === undefined ? {} : { fileId }),
    },
  },
})

function open(options: Partial<HdfsFileIOOptions> & { nameNodes: string[] }): HdfsFileIO {
  const fileIO = createHdfsFileIO({
    cache: {
      path: () => Promise.reject(new Error('no cache')),
      keep: () => Promise.resolve(),
      drop: () => Promise.resolve(),
    },
    wait: () => Promise.resolve(),
    ...options,
  })
  opened.push(fileIO)
  return fileIO
}

const location = 'hdfs://cluster/lake/x'
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('WebHDFS with two NameNodes', () => {
  it('asks the one that is active, stays with it, and follows when they change roles', async () => {
    let active = 'b'
    const start = (name: string) =>
      startFake(() => (active === name ? aFile(name === 'a' ? 1 : 2) : standby))
    const [a, b] = [await start('a'), await start('b')]
    const fileIO = open({ nameNodes: [a.url, b.url] })
    expect((await fileIO.stat(location))?.sizeBytes).toBe(2)
    expect((await fileIO.stat(location))?.sizeBytes).toBe(2)
    expect([a.seen.length, b.seen.length]).toEqual([1, 2])
    active = 'a'
    expect((await fileIO.stat(location))?.sizeBytes).toBe(1)
    expect((await fileIO.stat(location))?.sizeBytes).toBe(1)
    expect([a.seen.length, b.seen.length]).toEqual([3, 3])
  })

  it('goes to the other one where one does not run', async () => {
    const gone = await startFake(() => aFile(1))
    const there = await startFake(() => aFile(2))
    await new Promise((resolve) => servers.shift()?.close(resolve))
    const fileIO = open({ nameNodes: [gone.url, there.url] })
    expect((await fileIO.stat(location))?.sizeBytes).toBe(2)
  })

  it('says that none is active where all of them stand by', async () => {
    const fakes = [await startFake(() => standby), await startFake(() => standby)]
    const fileIO = open({ nameNodes: fakes.map(({ url }) => url), retry: { triesMax: 5 } })
    await expect(fileIO.stat(location)).rejects.toMatchObject({
      kind: 'storage-unavailable',
      isRetryable: true,
      message: expect.stringMatching(
        /403 StandbyException: .*state standby.*no NameNode that is configured is active/,
      ) as unknown,
    })
    expect(fakes.map(({ seen }) => seen.length)).toEqual([3, 2])
  })
})

describe('WebHDFS and who is asking', () => {
  it('tells the user, or the token in its place, and never tells a token to a person', async () => {
    const server = await startFake(() =>
      refusal(
        403,
        'org.apache.hadoop.security.token.SecretManager$InvalidToken',
        'token (SECRET-TOKEN for me) is expired\n\tat org.apache.hadoop.X(X.java:1)',
      ),
    )
    const nameNodes = [server.url]
    const failing = open({ nameNodes, user: 'me', delegationToken: 'SECRET-TOKEN' })
    const failure = (await failing.stat(location).catch((error: unknown) => error)) as Error
    expect(failure.message).toMatch(/403 InvalidToken: token \(… for me\) is expired\)/)
    expect(failure.message).toMatch(/get a new delegation token/)
    expect(inspect(failure, { depth: 9 })).not.toMatch(/SECRET/)
    expect(server.urls[0]).toMatch(/[?&]delegation=SECRET-TOKEN$/)
    expect(server.urls).toHaveLength(1)

    await open({ nameNodes, user: 'a b' })
      .stat(location)
      .catch(() => undefined)
    expect(server.urls[1]).toMatch(/[?&]user\.name=a%20b$/)
  })

  it('refuses addresses of NameNodes that hold a password, without showing it', () => {
    for (const nameNode of ['http://u:SECRET@nn:9870', 'hdfs://SECRET:8020', 'SECRET:9870']) {
      expect(() => open({ nameNodes: [nameNode] })).toThrow(/is not a plain http/)
      expect(() => open({ nameNodes: [nameNode] })).not.toThrow(/SECRET/)
    }
    expect(() => open({ nameNodes: [] })).toThrow(/No NameNode of HDFS is named/)
    const dataNodeHosts = { dn1: 'http://SECRET@there' }
    expect(() => open({ nameNodes: ['http://nn:9870'], dataNodeHosts })).toThrow(
      /What the DataNode dn1 is mapped to is no host/,
    )
  })

  it('refuses locations of another HDFS where it knows the names of its own', async () => {
    const server = await startFake(() => aFile(1))
    const fileIO = open({ nameNodes: [server.url], authorities: ['cluster', 'nn:8020'] })
    expect(await fileIO.stat('hdfs://nn:8020/x')).toBeDefined()
    await expect(fileIO.stat('hdfs://other/x')).rejects.toMatchObject({ kind: 'invalid-input' })
    await expect(fileIO.write('hdfs://cluster/a:b', bytesOf('x'))).rejects.toMatchObject({
      kind: 'invalid-input',
    })
    expect(server.seen).toHaveLength(1)
  })
})

describe('WebHDFS and its DataNodes', () => {
  it('leaves a DataNode out that does not answer, and asks for it again where none is left', async () => {
    const dataNode = await startFake(() => ({ status: 200, text: 'rows' }))
    const excluded: (string | null)[] = []
    const nameNode = await startFake(({ url }) => {
      if (url.searchParams.get('op') === 'GETFILESTATUS') return aFile(4)
      const names = url.searchParams.get('excludedatanodes')
      excluded.push(names)
      if (names !== null) return refusal(403, 'java.io.IOException', 'No active nodes contain this')
      const host = excluded.length === 1 ? 'http://127.0.0.1:1' : dataNode.url
      return { status: 307, location: `${host}/webhdfs/v1/lake/x?op=OPEN` }
    })
    const fileIO = open({ nameNodes: [nameNode.url] })
    expect(textOf(await fileIO.read(location))).toBe('rows')
    expect(excluded).toEqual([null, '127.0.0.1', null])
  })

  it('says in the end how the DataNode failed, not that none was left', async () => {
    const nameNode = await startFake(({ url }) => {
      if (url.searchParams.get('op') === 'GETFILESTATUS') return aFile(4)
      return url.searchParams.has('excludedatanodes')
        ? refusal(403, 'java.io.IOException', 'No active nodes contain this block')
        : { status: 307, location: 'http://127.0.0.1:1/webhdfs/v1/lake/x?op=OPEN' }
    })
    const read = open({ nameNodes: [nameNode.url] }).read(location)
    await expect(read).rejects.toThrow(/DataNode 127\.0\.0\.1:1: ECONNREFUSED.*this DataNode runs/)
  })

  it('reads and writes by a gateway that sends nobody on', async () => {
    const kept = new Map<string, string>()
    const gateway = await startFake(({ url, method, body }) => {
      const op = url.searchParams.get('op')
      const path = url.pathname
      if (op === 'OPEN') return { status: 200, text: kept.get(path) ?? '' }
      if (op === 'GETFILESTATUS') {
        const text = kept.get(path)
        return text === undefined
          ? refusal(404, 'java.io.FileNotFoundException', 'no file')
          : aFile(text.length)
      }
      if (op === 'RENAME') {
        const to = `/webhdfs/v1${url.searchParams.get('destination')}`
        kept.set(to, kept.get(path) ?? '')
        kept.delete(path)
        return { status: 200 }
      }
      if (method !== 'PUT') return { status: 200, json: { boolean: kept.delete(path) } }
      if (kept.has(path) && url.searchParams.get('overwrite') !== 'true') {
        return refusal(403, 'org.apache.hadoop.fs.FileAlreadyExistsException', 'it exists')
      }
      kept.set(path, body)
      return { status: 201 }
    })
    const fileIO = open({ nameNodes: [`${gateway.url}/webhdfs/v1`] })
    await fileIO.write(location, bytesOf('rows'), { ifAbsent: true })
    expect([...kept]).toEqual([['/webhdfs/v1/lake/x', 'rows']])
    expect(textOf(await fileIO.read(location))).toBe('rows')
    await fileIO.delete(location)
    expect(await fileIO.stat(location)).toBeUndefined()
  })

  it('lists by whole folders where a server knows no pages, and page by page where it does', async () => {
    const entry = (pathSuffix: string, type = 'FILE') => ({
      ...{ pathSuffix, type, length: 1, modificationTime: 5 },
    })
    const pages: Record<string, unknown> = {
      '': [[entry('a'), entry('b', 'DIRECTORY')], 2],
      b: [[entry('c'), entry('l', 'SYMLINK')], 0],
    }
    const server = await startFake(({ url }) => {
      const isBatch = url.searchParams.get('op') === 'LISTSTATUS_BATCH'
      if (url.pathname.endsWith('/b')) {
        return isBatch
          ? refusal(400, 'java.lang.IllegalArgumentException', 'Invalid value for "op"')
          : { status: 200, json: { FileStatuses: { FileStatus: [entry('d')] } } }
      }
      const [FileStatus, remainingEntries] = pages[url.searchParams.get('startAfter') ?? ''] as [
        unknown,
        number,
      ]
      const partialListing = { FileStatuses: { FileStatus } }
      return { status: 200, json: { DirectoryListing: { partialListing, remainingEntries } } }
    })
    const found: string[] = []
    const fileIO = open({ nameNodes: [server.url] })
    for await (const file of fileIO.list('hdfs://cluster/lake/')) found.push(file.location)
    expect(found.sort()).toEqual(['a', 'b/d', 'c'].map((name) => `hdfs://cluster/lake/${name}`))
  })

  it('goes nowhere where it is sent on to no address, and does not tell the token in it', async () => {
    const server = await startFake(({ url }) =>
      url.searchParams.get('op') === 'GETFILESTATUS'
        ? aFile(4)
        : { status: 307, location: 'http://[::/x?delegation=SECRET' },
    )
    const fileIO = open({ nameNodes: [server.url], retry: { triesMax: 1 } })
    const failure = (await fileIO.read(location).catch((error: unknown) => error)) as Error
    expect(failure.message).toMatch(/307 UnexpectedAnswer: it names no DataNode/)
    expect(inspect(failure, { depth: 9 })).not.toMatch(/SECRET/)
  })

  it('does not believe an answer that says something else', async () => {
    const server = await startFake(() => ({ status: 200, text: '<html>log in</html>' }))
    const fileIO = open({ nameNodes: [server.url], retry: { triesMax: 2 } })
    const failing = { kind: 'storage-unavailable' }
    await expect(fileIO.stat(location)).rejects.toMatchObject(failing)
    await expect(fileIO.read(location)).rejects.toMatchObject(failing)
    await expect(fileIO.list(location)[Symbol.asyncIterator]().next()).rejects.toMatchObject(
      failing,
    )
    await expect(fileIO.write(location, bytesOf('x'))).rejects.toMatchObject(failing)
  })
})
