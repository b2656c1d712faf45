import { inject } from 'vitest'

/** What `shared-servers.ts` says of a server, which is started on the first suite's asking. */
export async function askSharedServer<T>(name: string): Promise<T> {
  const response = await fetch(`${inject('sharedServers')}/${name}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`${name} could not be started: ${text}`)
  return JSON.parse(text) as T
}
