import type { TableCommit } from '../catalog/catalog.ts'
import { readTransaction } from '../catalog/rest-server-updates.ts'
import { SluiceError } from '../errors.ts'
import { fileNameOf, joinLocation, schemeOf } from '../file-io/location.ts'
import { parseJson, stringifyJson } from '../spec/json.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { CommitContext } from './commit-context.ts'

/**
 * A cut that is decided, for a catalog that commits one table at a time. The file
 * `<folder>/<cut>.json`, made by create-if-absent, IS the decision: from then on the cut will be
 * finished, by its writer or by whoever starts next. It holds all that this takes.
 */
export interface CutJournal {
  readonly cutNumber: number
  readonly previousCut: number
  /** The token of every snapshot of the cut: by it a table is known to be done. */
  readonly token: string
  readonly cutsTable: TableIdentifier
  /** In the order in which they are made; the cuts table last. */
  readonly commits: readonly TableCommit[]
}

const FORMAT_VERSION = 1

/** Where the journal of a cut lies. */
export function journalLocation(folder: string, cutNumber: number): string {
  return joinLocation(folder, `${cutNumber}.json`)
}

/**
 * The folder of the journals.
 * @throws SluiceError `unsupported` where none is named, or the store cannot decide a race.
 */
export function journalFolder(context: CommitContext): string {
  const { journalFolder: folder, fileIO } = context
  if (folder !== undefined && fileIO.capabilities.createIfAbsent) return folder
  throw new SluiceError(
    'unsupported',
    'The catalog commits one table at a time, and a cut over several tables then needs a journal ' +
      (folder === undefined
        ? 'that this writer was given no folder for'
        : `in a store that creates files only where there is none; ${schemeOf(folder)}: cannot`) +
      '. Nothing was committed. Use a catalog with atomic transactions, or another store.',
  )
}

export function encodeJournal(journal: CutJournal): Uint8Array {
  const { cutNumber, previousCut, token, cutsTable, commits } = journal
  const text = stringifyJson({
    'format-version': FORMAT_VERSION,
    cut: cutNumber,
    'previous-cut': previousCut,
    token,
    'cuts-table': cutsTable,
    'table-changes': commits,
  })
  return new TextEncoder().encode(`${text}\n`)
}

/** @throws SluiceError `corrupt-data` where the file is no journal, `unsupported` for a newer one. */
export function decodeJournal(location: string, bytes: Uint8Array): CutJournal {
  const body = readBody(location, bytes)
  const version = body['format-version']
  if (typeof version !== 'number') throw noJournal(location)
  if (version !== FORMAT_VERSION) {
    throw new SluiceError(
      'unsupported',
      `The journal ${location} has format version ${String(version)}; version ${FORMAT_VERSION} ` +
        'is known. Nothing was committed. Finish the cut with the Sluice that decided it.',
      { context: { location } },
    )
  }
  const { cut, token } = body
  const previousCut = body['previous-cut']
  const cutsTable = body['cuts-table'] as TableIdentifier | undefined
  const isWhole = typeof cut === 'number' && typeof previousCut === 'number'
  if (!isWhole || typeof token !== 'string' || !Array.isArray(cutsTable?.namespace)) {
    throw noJournal(location)
  }
  try {
    const commits = readTransaction({ 'table-changes': body['table-changes'] })
    return { cutNumber: cut, previousCut, token, cutsTable, commits }
  } catch (error) {
    throw noJournal(location, error)
  }
}

/** The journal of a cut; undefined where there is none. */
export async function findJournal(
  context: CommitContext,
  location: string,
): Promise<CutJournal | undefined> {
  if ((await context.fileIO.stat(location)) === undefined) return undefined
  return decodeJournal(location, await context.fileIO.read(location))
}

/** Whether a file in the folder of journals is one: a write that ended early leaves others. */
export function isJournal(location: string): boolean {
  return /^\d+\.json$/.test(fileNameOf(location))
}

/** All journals of a folder, the oldest cut first. */
export async function listJournals(context: CommitContext, folder: string): Promise<string[]> {
  const locations: string[] = []
  for await (const { location } of context.fileIO.list(folder)) {
    if (isJournal(location)) locations.push(location)
  }
  return locations.sort((a, b) => parseInt(fileNameOf(a), 10) - parseInt(fileNameOf(b), 10))
}

function readBody(location: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const body = parseJson(new TextDecoder().decode(bytes))
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>
  } catch (error) {
    throw noJournal(location, error)
  }
  throw noJournal(location)
}

function noJournal(location: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `${location} is no journal of a cut. Nothing was committed. Find out who wrote it; a cut that ` +
      'was decided is lost only where no table carries its token.',
    { cause, context: { location } },
  )
}
