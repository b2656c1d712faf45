import { rename } from 'node:fs/promises'
import { join } from 'node:path'

/** What the programs of a service print. */
export function serviceLogPath(folder: string): string {
  return join(folder, 'service.log')
}

/** What its supervisor prints. */
export function supervisorLogPath(folder: string): string {
  return join(folder, 'supervisor.log')
}

/** Puts the logs of the former run aside, in place of those before: two runs are kept. */
export async function turnLogs(folder: string): Promise<void> {
  for (const path of [serviceLogPath(folder), supervisorLogPath(folder)]) {
    await rename(path, `${path}.old`).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    })
  }
}
