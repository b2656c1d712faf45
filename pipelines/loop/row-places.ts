import type { DataFile } from '../../tables/spec/manifest.ts'
import type { DeletedPositions } from '../../tables/write/write-position-deletes.ts'
import type { StepSession } from './step-session.ts'

/** Where a row of the lake lies. */
export interface RowPlace {
  readonly _file: string
  readonly _pos: bigint
}

/** The places of a relation's rows, by file and position. */
export function placesOf(session: StepSession, rows: string): Promise<RowPlace[]> {
  return session.rows<RowPlace>(`SELECT _file, _pos FROM ${rows} ORDER BY _file, _pos`)
}

/** Places as positions of each file; `files` has all of them, by location. */
export function groupByFile(
  places: readonly RowPlace[],
  files: ReadonlyMap<string, DataFile>,
): readonly DeletedPositions[] {
  const groups = new Map<string, { file: DataFile; positions: bigint[] }>()
  for (const place of places) {
    const file = files.get(place._file)
    if (file === undefined) throw new RangeError(`${place._file} is not in the scan's plan`)
    const group = groups.get(place._file) ?? { file, positions: [] }
    group.positions.push(place._pos)
    groups.set(place._file, group)
  }
  return [...groups.values()]
}
