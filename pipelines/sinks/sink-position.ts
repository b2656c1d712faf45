import { z } from 'zod'
import { SluiceError } from '../../tables/errors.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { parseJson } from '../../tables/spec/json.ts'

/** How far a sink has taken a table. */
export interface SinkPosition {
  readonly cutNumber: number
  /** The table's snapshot at that cut; undefined: it had none. */
  readonly snapshotId: bigint | undefined
}

const positionSchema = z.object({
  cut: z.number().int().min(0),
  snapshot: z.string().regex(/^\d+$/).nullable(),
})

/** Positions of sinks, a file each below `<lake>/_sluice/sinks/`. */
export interface SinkPositions {
  /** Undefined before the first delivery. @throws SluiceError `corrupt-data` */
  read(sink: string): Promise<SinkPosition | undefined>
  write(sink: string, position: SinkPosition): Promise<void>
}

export function createSinkPositions(fileIO: FileIO, lakeLocation: string): SinkPositions {
  const locationOf = (sink: string) => `${lakeLocation}/_sluice/sinks/${sink}.json`
  return {
    read: async (sink) => {
      const location = locationOf(sink)
      if ((await fileIO.stat(location)) === undefined) return undefined
      return decodePosition(location, Buffer.from(await fileIO.read(location)).toString('utf8'))
    },
    write: async (sink, { cutNumber, snapshotId }) => {
      const text = JSON.stringify({ cut: cutNumber, snapshot: snapshotId?.toString() ?? null })
      await fileIO.write(locationOf(sink), Buffer.from(`${text}\n`))
    },
  }
}

function decodePosition(location: string, text: string): SinkPosition {
  try {
    const { cut, snapshot } = positionSchema.parse(parseJson(text))
    return { cutNumber: cut, snapshotId: snapshot === null ? undefined : BigInt(snapshot) }
  } catch (cause) {
    throw new SluiceError(
      'corrupt-data',
      `${location} does not say how far its sink is. Nothing was delivered. Delete the file, and ` +
        'the sink begins where its `start` says.',
      { cause, context: { location } },
    )
  }
}
