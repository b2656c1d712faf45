import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const DONE = '.done'
const LOCK_POLL_MS = 200
const LOCK_POLLS_MAX = (15 * 60_000) / LOCK_POLL_MS

/** Where downloads are kept between runs: SLUICE_CACHE, else ~/.cache/sluice. Never the checkout. */
export function cacheFolder(): string {
  return process.env['SLUICE_CACHE'] ?? join(homedir(), '.cache', 'sluice')
}

/** Whether `installOnce` of that name has been done on this machine. */
export function isInstalled(name: string): boolean {
  return existsSync(join(cacheFolder(), name, DONE))
}

/**
 * The folder `<cache>/<name>`, filled by `install` once per machine. Put versions into the name:
 * a folder is never updated. Several processes may ask at once; one installs and the others wait.
 * A try that failed or was killed leaves nothing that a later one would take for whole.
 */
export async function installOnce(
  name: string,
  install: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheFolder(), name)
  if (existsSync(join(folder, DONE))) return folder
  await mkdir(dirname(folder), { recursive: true })
  const unlock = await lockFolder(folder)
  try {
    if (existsSync(join(folder, DONE))) return folder
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder)
    await install(folder)
    await writeFile(join(folder, DONE), '')
    return folder
  } finally {
    await unlock()
  }
}

async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = `${folder}.lock`
  for (let poll = 0; poll < LOCK_POLLS_MAX; poll += 1) {
    try {
      const file = await open(lock, 'wx')
      await file.writeFile(String(process.pid))
      await file.close()
      return () => rm(lock, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (!(await isHeld(lock))) await rm(lock, { force: true })
    else await delay(LOCK_POLL_MS)
  }
  throw new Error(`${lock} was held for 15 minutes: remove it if no test run is going on`)
}

/** False where the process that made the lock is gone: it was killed while it installed. */
async function isHeld(lock: string): Promise<boolean> {
  const text = await readFile(lock, 'utf8').catch(() => undefined)
  if (text === undefined || text === '') return true
  try {
    process.kill(Number(text), 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
