import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder of this run: what one suite made, another finds (`make-once.ts`). */
    sharedFolder: string
    /** Address of the process that lets suites make things in turn. */
    sharedTurns: string
  }
}

/** Makes the folder before the first suite and removes it after the last one. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-shared-'))
  project.provide('sharedFolder', folder)
  const turns = await serveTurns()
  const { port } = turns.address() as AddressInfo
  project.provide('sharedTurns', `http://127.0.0.1:${port}`)
  return async () => {
    turns.closeAllConnections()
    await new Promise((resolve) => turns.close(resolve))
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Answers a request when it is its turn at the name in its path. A turn lasts as long as its
 * connection: that of a suite whose process died is over, too.
 */
async function serveTurns(): Promise<Server> {
  const ends = new Map<string, Promise<void>>()
  const server = createServer((request, answer) => {
    const name = request.url ?? ''
    const before = ends.get(name) ?? Promise.resolve()
    const end = new Promise<void>((resolve) => answer.once('close', resolve))
    ends.set(
      name,
      before.then(() => end),
    )
    void before.then(() => begin(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function begin(answer: ServerResponse): void {
  if (!answer.destroyed) answer.writeHead(200).flushHeaders()
}
