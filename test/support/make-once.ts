import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { inject } from 'vitest'

/**
 * The facts of something dear that the suites of one run share: the first suite that asks makes it
 * in the folder of that name, the others wait for it. What `make` returns has to be plain data.
 * Where it fails the next suite tries again.
 */
export async function makeOnce<T>(
  name: string,
  make: (folder: string) => Promise<T>,
): Promise<{ readonly folder: string; readonly facts: T }> {
  const folder = join(inject('sharedFolder'), name)
  const factsFile = join(folder, 'facts.json')
  const endTurn = await takeTurn(name)
  try {
    if (!existsSync(factsFile)) {
      await mkdir(folder, { recursive: true })
      await writeFile(factsFile, JSON.stringify(await make(folder)))
    }
    return { folder, facts: JSON.parse(await readFile(factsFile, 'utf8')) as T }
  } finally {
    endTurn()
  }
}

/** Resolves when no other suite has the turn of that name; the function ends it. */
function takeTurn(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const request = get(`${inject('sharedTurns')}/${encodeURIComponent(name)}`, (answer) => {
      // A turn ends by cutting the connection, which is no failure of the one who had it.
      answer.on('error', () => undefined)
      resolve(() => request.destroy())
    })
    request.on('error', reject)
  })
}
