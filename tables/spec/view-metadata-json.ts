import { SluiceError } from '../errors.ts'
import { parseJson, stringifyJson } from './json.ts'
import { corruptDocument, createMemberReader, type Members, withoutNulls } from './member-reader.ts'
import { readSchema } from './schema-json.ts'
import type {
  ViewMetadata,
  ViewRepresentation,
  ViewVersion,
  ViewVersionLogEntry,
} from './view-metadata.ts'

const corrupt = corruptDocument(
  'View metadata',
  'The view was not read; point the catalog at an earlier metadata file.',
)
const { listOf, membersOf, numberOf, textMapOf, textOf } = createMemberReader(corrupt)

/**
 * Reads view metadata JSON; members that are not known stay. Throws `corrupt-data` where a required
 * member is missing or the current version or its schema is not there, `unsupported` for a newer
 * format version. A version may hold two texts for one dialect, as early writers left it: none
 * is made so again.
 * Source: https://iceberg.apache.org/view-spec/#view-metadata
 */
export function parseViewMetadata(text: string): ViewMetadata {
  const raw = withoutNulls(membersOf(parseJson(text), 'the metadata'))
  // First of all, since a table's metadata has a format version too.
  const uuid = textOf(raw, 'view-uuid')
  const version = numberOf(raw, 'format-version')
  if (version !== 1) {
    throw new SluiceError(
      'unsupported',
      `View metadata has format version ${version}; version 1 is known. ` +
        'The view was not read; use a newer Sluice.',
    )
  }
  const metadata: ViewMetadata = {
    ...raw,
    'view-uuid': uuid,
    'format-version': version,
    location: textOf(raw, 'location'),
    schemas: listOf(raw, 'schemas').map((schema) => readSchema(schema, corrupt)),
    'current-version-id': numberOf(raw, 'current-version-id'),
    versions: listOf(raw, 'versions').map(readVersion),
    'version-log': listOf(raw, 'version-log').map(readLogEntry),
    properties: textMapOf(raw, 'properties'),
  }
  checkConsistency(metadata)
  return metadata
}

export function serializeViewMetadata(metadata: ViewMetadata): string {
  return stringifyJson(metadata)
}

function readVersion(read: Members): ViewVersion {
  const raw = withoutNulls(read)
  const namespace = raw['default-namespace']
  if (!Array.isArray(namespace) || namespace.some((level) => typeof level !== 'string')) {
    throw corrupt('default-namespace is missing or no list of texts')
  }
  return {
    ...raw,
    'version-id': numberOf(raw, 'version-id'),
    'timestamp-ms': numberOf(raw, 'timestamp-ms'),
    'schema-id': numberOf(raw, 'schema-id'),
    summary: textMapOf(raw, 'summary'),
    ...(raw['default-catalog'] === undefined
      ? {}
      : { 'default-catalog': textOf(raw, 'default-catalog') }),
    'default-namespace': namespace as readonly string[],
    representations: listOf(raw, 'representations').map(readRepresentation),
  }
}

function readRepresentation(raw: Members): ViewRepresentation {
  const type = textOf(raw, 'type')
  if (type.toLowerCase() !== 'sql') return { ...raw, type }
  return { ...raw, type: 'sql', sql: textOf(raw, 'sql'), dialect: textOf(raw, 'dialect') }
}

function readLogEntry(raw: Members): ViewVersionLogEntry {
  return {
    ...raw,
    'timestamp-ms': numberOf(raw, 'timestamp-ms'),
    'version-id': numberOf(raw, 'version-id'),
  }
}

function checkConsistency(metadata: ViewMetadata): void {
  const currentId = metadata['current-version-id']
  const current = metadata.versions.find((version) => version['version-id'] === currentId)
  if (current === undefined) {
    throw corrupt(`no version has the id ${currentId} that the view says is in use`)
  }
  const schemaId = current['schema-id']
  if (metadata.schemas.some((schema) => schema['schema-id'] === schemaId)) return
  throw corrupt(`no schema has the id ${schemaId} of the current version`)
}
