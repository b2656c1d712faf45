import { z } from 'zod'
import { SluiceError } from '../../../tables/errors.ts'
import { joinLocation } from '../../../tables/file-io/location.ts'
import type { Lake } from '../../lake/lake.ts'
import type { ProcessIdentity } from '../../lake/process-identity.ts'

/** Where the scratch of one cut lies, and whose it is. */
export interface ScratchRecord {
  /** Names end with it: lower-case letters and digits. */
  readonly run: string
  readonly owner: ProcessIdentity
  /** Scratch tables with all that is theirs: always to be deleted. */
  readonly folder: string
  /** Files that the cut adopts: to be deleted where it was not committed. */
  readonly dataFolders: readonly string[]
}

const recordSchema = z.object({
  run: z.string().regex(/^[a-z0-9]+$/),
  owner: z.object({
    pid: z.number().int(),
    host: z.string(),
    bornAt: z.string().optional(),
  }),
  folder: z.string().min(1),
  dataFolders: z.array(z.string().min(1)),
})

/** Written before the first scratch table is made and deleted behind the last one. */
export async function writeScratchRecord(lake: Lake, record: ScratchRecord): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`)
  await lake.fileIO.write(locationOf(lake, record.run), bytes)
}

/**
 * All records of a lake.
 * @throws SluiceError `corrupt-data` for one that cannot be read.
 */
export async function readScratchRecords(lake: Lake): Promise<readonly ScratchRecord[]> {
  const records: ScratchRecord[] = []
  for await (const { location } of lake.fileIO.list(`${folderOf(lake)}/`)) {
    if (!location.endsWith('.json')) continue
    const text = new TextDecoder().decode(await lake.fileIO.read(location))
    records.push(parseRecord(text, location))
  }
  return records
}

export async function deleteScratchRecord(lake: Lake, run: string): Promise<void> {
  await lake.fileIO.delete(locationOf(lake, run))
}

function parseRecord(text: string, location: string): ScratchRecord {
  try {
    const { owner, ...record } = recordSchema.parse(JSON.parse(text))
    return { ...record, owner: { ...owner, bornAt: owner.bornAt } }
  } catch (cause) {
    throw new SluiceError(
      'corrupt-data',
      `${location} does not say where scratch tables lie. Nothing of them was deleted. Drop the ` +
        'tables of the namespace sluice_scratch, then delete that file.',
      { cause },
    )
  }
}

function folderOf(lake: Lake): string {
  return joinLocation(lake.location, '_sluice', 'scratch')
}

function locationOf(lake: Lake, run: string): string {
  return joinLocation(folderOf(lake), `${run}.json`)
}
