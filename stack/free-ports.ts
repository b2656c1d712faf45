import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'

/**
 * `count` ports of 127.0.0.1 that nobody listened on a moment ago. All are held until the last one
 * is found, so that they differ; another process may still take one before the caller does.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  )
  return ports
}

async function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
