import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { startHdfs } from '../../stack/hdfs.ts'
import { startMinio } from '../../stack/minio.ts'
import { startTrinoServer } from '../../stack/trino.ts'
import { startVersitygw } from '../../stack/versitygw.ts'
import { QUICK_JAVA } from './quick-java.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the process that starts servers which suites share. */
    sharedServers: string
  }
}

/** A server whose addresses are plain data, for suites in other processes. */
interface SharedServer {
  stop(): Promise<void>
}

/** Servers that suites may share, as each keeps to names of its own (bucket, folder, catalog). */
const starters = {
  hdfs: () => startHdfs(),
  minio: () => startMinio(),
  trino: () => startTrinoServer({ env: QUICK_JAVA }),
  versitygw: () => startVersitygw(),
} satisfies Readonly<Record<string, () => Promise<SharedServer>>>

/**
 * Global setup: suites run in processes of their own, so this one starts what they share. A server
 * is started when the first suite asks for it, and stopped after the last suite.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<SharedServer>>()

  const factsOf = async (name: string): Promise<string> => {
    const starter = (starters as Readonly<Record<string, () => Promise<SharedServer>>>)[name]
    if (starter === undefined) throw new Error(`no shared server is called ${name}`)
    const server = started.get(name) ?? starter()
    started.set(name, server)
    return JSON.stringify(await server)
  }

  const http = createServer((request, answer) => {
    factsOf((request.url ?? '').slice(1)).then(
      (facts) => answer.end(facts),
      (error: unknown) => answer.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  project.provide('sharedServers', `http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  return async () => {
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
    for (const server of await Promise.allSettled(started.values())) {
      if (server.status === 'fulfilled') await server.value.stop()
    }
  }
}
