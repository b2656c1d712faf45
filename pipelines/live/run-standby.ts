import { resolve } from 'node:path'
import { isErrorKind } from '../../tables/errors.ts'
import { waitForLake } from '../lake/wait-for-lake.ts'
import { runLive, type LiveOptions } from './run-live.ts'

/**
 * `runLive` as soon as no other process writes to the lake: at once, or when the writer ends in
 * whatever way. It has read nothing until then, so that it goes on from the last cut of the other.
 * @throws SluiceError as `runLive`, but not because somebody else writes.
 */
export async function runStandby(options: LiveOptions, signal: AbortSignal): Promise<void> {
  const { logger } = options
  const lake = resolve(options.lakeDirectory)
  for (;;) {
    const end = await waitForLake(lake, signal, ({ purpose, pid, host, startedUs }) => {
      const since = new Date(Number(startedUs / 1000n)).toISOString()
      const fields = { lake, pid, host, since }
      logger.info(fields, `standing by: ${purpose}, process ${pid} on ${host}, writes to the lake`)
    })
    if (end === 'stopped') return
    if (end === 'freed') logger.info({ lake }, 'taking over: nobody writes to the lake any more')
    try {
      await runLive(options, signal)
      return
    } catch (error) {
      // Of several that stood by, another one was faster.
      if (!isErrorKind(error, 'commit-conflict') || !('pid' in error.context)) throw error
    }
  }
}
