import { fileURLToPath } from 'node:url'
import { installPyIceberg } from '../stack/python.ts'
import { runCommand } from '../stack/run-command.ts'
import { ServiceMissing } from '../stack/service-missing.ts'

/** Plans of a table that PyIceberg has just opened, in a process of its own. */
export interface PyIcebergPlans {
  readonly files: number
  /** Milliseconds of each. */
  readonly times: readonly number[]
  readonly rss_mb_peak: number
}

const PEER_TIMEOUT_MS = 600_000

/** Undefined where PyIceberg cannot be had. */
export async function planByPyIceberg(
  metadataLocation: string,
  runs: number,
): Promise<PyIcebergPlans | undefined> {
  let python: string
  try {
    python = await installPyIceberg()
  } catch (error) {
    if (error instanceof ServiceMissing) return undefined
    throw error
  }
  const script = fileURLToPath(new URL('plan-by-pyiceberg.py', import.meta.url))
  const { stdout } = await runCommand(python, [script, metadataLocation, String(runs)], {
    timeoutMs: PEER_TIMEOUT_MS,
  })
  return JSON.parse(stdout) as PyIcebergPlans
}
