import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SluiceError } from '../../tables/errors.ts'
import type { Lake } from '../lake/lake.ts'

/** What stands for standard input among files. */
export const STANDARD_INPUT = '-'

/**
 * Standard input as a file in scratch: like every file it is named by its content, so it must be
 * known whole before it is read, and a run that was stopped goes on when the same comes again.
 * @throws SluiceError `invalid-input` where there is none, `storage-unavailable` where it cannot be
 * kept; and as the signal aborts.
 */
export async function spoolInput(
  { scratchDir, ids }: Lake,
  input: AsyncIterable<Uint8Array> | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (input === undefined) {
    throw new SluiceError(
      'invalid-input',
      `${STANDARD_INPUT} reads standard input, and there is nothing but a terminal. Nothing was ` +
        'read. Send a file into it: zcat day.csv.gz | sluice backfill … -',
    )
  }
  const path = join(scratchDir, `${ids.uuid()}.input`)
  try {
    await pipeline(input, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal })
    return path
  } catch (cause) {
    await rm(path, { force: true })
    if (signal.aborted) throw cause
    throw new SluiceError(
      'storage-unavailable',
      `Standard input could not be kept in ${scratchDir}. Nothing was read. Free space there, or give ` +
        'the file itself.',
      { cause },
    )
  }
}
