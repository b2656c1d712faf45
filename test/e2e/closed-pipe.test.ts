import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir } from 'node:fs/promises'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scratchParent } from '../../pipelines/lake/scratch-folder.ts'
import { spawnGuarded } from '../../stack/spawn-guarded.ts'
import { repositoryRoot } from '../support/data.ts'
import { type LocalLake, openLocalLake } from '../support/local-lake.ts'

const PATIENCE_MS = 120_000

let local: LocalLake
beforeAll(async () => {
  local = await openLocalLake()
})
afterAll(() => local.close())

/** Runs `sluice sql ARGS | head -c 1`: reads until something came, then reads no more. */
async function sqlIntoHead(
  args: readonly string[],
): Promise<{ code: number | null; left: number }> {
  const child = spawnGuarded(
    process.execPath,
    ['bin/sluice.mjs', 'sql', '--lake', local.directory, '--format', 'csv', ...args],
    { cwd: repositoryRoot, env: { NO_COLOR: '1' } },
  )
  const ended = once(child, 'close') as Promise<[number | null]>
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const [code] = await ended
  expect(complaint).toBe('')
  const folders = await readdir(scratchParent())
  return { code, left: folders.filter((name) => name.startsWith(`sluice-${child.pid}-`)).length }
}

describe('sluice sql whose reader goes away, as head does', () => {
  it(
    'ends with 0 at once, while rows are still computed',
    async () => {
      // The first rows come soon; the one after the last of them would take days.
      const endless = 'SELECT i FROM range(1000000000000000) t(i) WHERE i < 200000'
      expect(await sqlIntoHead([endless])).toMatchObject({ code: 0 })
    },
    PATIENCE_MS,
  )

  describe('with --engine trino', () => {
    let server: Server
    const requests: string[] = []
    /** A statement that never ends: some pages of rows, then it is waited for. */
    beforeAll(async () => {
      server = createServer((request: IncomingMessage, response) => {
        request.resume()
        requests.push(request.method ?? '')
        if (request.method === 'DELETE') response.writeHead(204).end()
        if (request.method === 'DELETE' || requests.length > 3) return
        const { port } = server.address() as AddressInfo
        const typeSignature = { rawType: 'varchar', arguments: [] }
        const page = {
          id: 'q1',
          nextUri: `http://127.0.0.1:${port}/v1/statement/q1/${requests.length}`,
          columns: [{ name: 'text', type: 'varchar', typeSignature }],
          data: Array.from({ length: 2000 }, () => ['a row of a page']),
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page))
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
    })
    afterAll(() => {
      server.closeAllConnections()
      server.close()
    })

    it(
      'tells Trino that nobody wants the rest',
      async () => {
        const { port } = server.address() as AddressInfo
        const trino = ['--engine', 'trino', '--trino', `http://127.0.0.1:${port}`]
        const done = await sqlIntoHead([...trino, 'SELECT text FROM gold.bars'])
        expect(done).toEqual({ code: 0, left: 0 })
        expect(requests.at(-1)).toBe('DELETE')
      },
      PATIENCE_MS,
    )
  })
})
