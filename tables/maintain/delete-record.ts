import { SluiceError } from '../errors.ts'

/** Files that may go once `dueUs` has passed. */
export interface DeleteGroup {
  readonly dueUs: bigint
  readonly locations: readonly string[]
}

/** One file of the delete queue: what the commits up to a cut made unreachable. */
export interface DeleteRecord {
  readonly cutNumber: number
  readonly groups: readonly DeleteGroup[]
}

/** The record as JSON text; times as text, since JSON numbers end at 2^53. */
export function encodeDeleteRecord(record: DeleteRecord): Uint8Array {
  const groups = record.groups.map(({ dueUs, locations }) => ({ dueUs: String(dueUs), locations }))
  return Buffer.from(`${JSON.stringify({ cut: record.cutNumber, groups })}\n`, 'utf8')
}

/** @throws SluiceError `corrupt-data` where the file is no record: nothing of it is deleted. */
export function decodeDeleteRecord(location: string, bytes: Uint8Array): DeleteRecord {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    const { cut, groups } = parsed as { cut: unknown; groups: unknown }
    if (typeof cut !== 'number' || !Array.isArray(groups)) throw new TypeError('no record')
    return { cutNumber: cut, groups: groups.map(decodeGroup) }
  } catch (error) {
    throw new SluiceError(
      'corrupt-data',
      `${location} is no record of files to delete. No file was deleted. Move it away: the next ` +
        'start finds again what the metadata logs still tell.',
      { cause: error, context: { location } },
    )
  }
}

function decodeGroup(value: unknown): DeleteGroup {
  const { dueUs, locations } = value as { dueUs: unknown; locations: unknown }
  const isList = Array.isArray(locations) && locations.every((one) => typeof one === 'string')
  if (typeof dueUs !== 'string' || !isList) throw new TypeError('no group')
  return { dueUs: BigInt(dueUs), locations }
}
