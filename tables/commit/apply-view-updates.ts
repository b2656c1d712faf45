import { isDeepStrictEqual } from 'node:util'

import { SluiceError } from '../errors.ts'
import type { Schema } from '../spec/schema.ts'
import { isSqlRepresentation, type ViewMetadata, type ViewVersion } from '../spec/view-metadata.ts'
import type { ViewRequirement, ViewUpdate } from '../spec/view-update.ts'
import { isSameSchema, nextId } from './apply-schema-updates.ts'
import { retainViewVersions } from './retain-view-versions.ts'

const LAST_ADDED = -1
const DROP_DIALECT_PROPERTY = 'replace.drop-dialect.allowed'

/** A view while updates are applied to it; members are absent where a new view lacks them still. */
interface ViewDraft {
  metadata: Partial<ViewMetadata> &
    Pick<ViewMetadata, 'format-version' | 'schemas' | 'versions' | 'version-log' | 'properties'>
  readonly nowMs: number
  lastAddedSchemaId: number | undefined
  lastAddedVersionId: number | undefined
  readonly addedVersionIds: Set<number>
  /** The version that the updates made current, where they did. */
  activated: ViewVersion | undefined
}

/**
 * The view after `updates`, in their order; without `metadata` they make a new view. Pure; where
 * nothing changed the answer is `metadata` itself. The log gets one entry for all updates together,
 * and old versions are dropped (see `retainViewVersions`).
 *
 * Throws `invalid-input` for an update that is unknown or does not fit, such as a version that
 * lost a dialect which the current one has (property `replace.drop-dialect.allowed`).
 * The rules are those of https://iceberg.apache.org/view-spec/ and of the reference implementation.
 */
export function applyViewUpdates(
  metadata: ViewMetadata | undefined,
  updates: readonly ViewUpdate[],
  options: { readonly nowMs: number },
): ViewMetadata {
  const start: ViewDraft['metadata'] = metadata ?? {
    'format-version': 1,
    schemas: [],
    versions: [],
    'version-log': [],
    properties: {},
  }
  const draft: ViewDraft = {
    metadata: start,
    nowMs: options.nowMs,
    lastAddedSchemaId: undefined,
    lastAddedVersionId: undefined,
    addedVersionIds: new Set(),
    activated: undefined,
  }
  for (const update of updates) applyUpdate(draft, update)
  if (metadata !== undefined && draft.metadata === start) return metadata
  return settle(draft, metadata)
}

/** Throws `commit-conflict` where the view is another one than the commit was made for. */
export function checkViewRequirements(
  metadata: ViewMetadata,
  requirements: readonly ViewRequirement[],
): void {
  for (const { type, uuid } of requirements) {
    const given: string = type
    if (given !== 'assert-view-uuid') {
      throw invalidViewUpdate(`Unknown requirement for a view: ${given}`)
    }
    if (uuid.toLowerCase() === metadata['view-uuid'].toLowerCase()) continue
    throw new SluiceError(
      'commit-conflict',
      'Requirement failed: view UUID does not match: expected ' +
        `${metadata['view-uuid']} != ${uuid}. Nothing was committed; load the view again.`,
    )
  }
}

function applyUpdate(draft: ViewDraft, update: ViewUpdate): void {
  switch (update.action) {
    case 'assign-uuid':
      return assignUuid(draft, update.uuid)
    case 'upgrade-format-version':
      return upgradeFormatVersion(draft, update['format-version'])
    case 'set-location':
      return change(draft, 'location', update.location)
    case 'set-properties':
      return change(draft, 'properties', { ...draft.metadata.properties, ...update.updates })
    case 'remove-properties': {
      const removed = new Set(update.removals)
      const kept = Object.entries(draft.metadata.properties).filter(([key]) => !removed.has(key))
      return change(draft, 'properties', Object.fromEntries(kept))
    }
    case 'add-schema':
      return addSchema(draft, update.schema)
    case 'add-view-version':
      return addVersion(draft, update['view-version'])
    case 'set-current-view-version':
      return setCurrentVersion(draft, update['view-version-id'])
    default:
      return refuseUnknown(update)
  }
}

function change<K extends keyof ViewMetadata>(
  draft: ViewDraft,
  name: K,
  value: ViewMetadata[K],
): void {
  if (isDeepStrictEqual(draft.metadata[name], value)) return
  draft.metadata = { ...draft.metadata, [name]: value }
}

function assignUuid(draft: ViewDraft, uuid: string): void {
  const current = draft.metadata['view-uuid']
  if (current === undefined) change(draft, 'view-uuid', uuid)
  else if (current.toLowerCase() !== uuid.toLowerCase()) {
    throw invalidViewUpdate(`Cannot reassign uuid: ${current} is the view's, not ${uuid}`)
  }
}

function upgradeFormatVersion(draft: ViewDraft, version: number): void {
  const current = draft.metadata['format-version']
  if (version < current) throw invalidViewUpdate(`Cannot downgrade v${current} view to v${version}`)
  if (version > current) throw invalidViewUpdate(`Unsupported format version: ${version}`)
}

function addSchema(draft: ViewDraft, schema: Schema): void {
  const { schemas } = draft.metadata
  const same = schemas.find((known) => isSameSchema(known, schema))
  const schemaId = same?.['schema-id'] ?? nextId(schemas.map((known) => known['schema-id']))
  draft.lastAddedSchemaId = schemaId
  if (same !== undefined) return
  change(draft, 'schemas', [...schemas, { ...schema, 'schema-id': schemaId }])
}

/** Adds a version under its own id or the next free one, or finds the one that says the same. */
function addVersion(draft: ViewDraft, wanted: ViewVersion): void {
  const { schemas, versions } = draft.metadata
  const schemaId = schemaIdOf(draft, wanted)
  if (!schemas.some((schema) => schema['schema-id'] === schemaId)) {
    throw invalidViewUpdate(`Cannot add version with unknown schema: ${schemaId}`)
  }
  checkDialects(wanted)
  const resolved = { ...wanted, 'schema-id': schemaId }
  const same = versions.find((known) => isSameVersion(known, resolved))
  const versionId =
    same?.['version-id'] ??
    Math.max(wanted['version-id'], nextId(versions.map((known) => known['version-id'])))
  draft.lastAddedVersionId = versionId
  if (same !== undefined) return
  draft.addedVersionIds.add(versionId)
  change(draft, 'versions', [...versions, { ...resolved, 'version-id': versionId }])
}

function schemaIdOf(draft: ViewDraft, version: ViewVersion): number {
  const id = version['schema-id']
  if (id !== LAST_ADDED) return id
  if (draft.lastAddedSchemaId !== undefined) return draft.lastAddedSchemaId
  throw invalidViewUpdate('Cannot set last added schema: no schema has been added')
}

function checkDialects(version: ViewVersion): void {
  const dialects = new Set<string>()
  for (const dialect of dialectsOf(version)) {
    if (dialects.has(dialect)) {
      throw invalidViewUpdate(
        `Invalid view version: Cannot add multiple queries for dialect ${dialect}`,
      )
    }
    dialects.add(dialect)
  }
}

/** Two versions that behave the same, whenever and by whatever operation they were made. */
function isSameVersion(left: ViewVersion, right: ViewVersion): boolean {
  const meaning = (version: ViewVersion): unknown => [
    version.summary,
    version.representations,
    version['default-catalog'],
    version['default-namespace'],
    version['schema-id'],
  ]
  return isDeepStrictEqual(meaning(left), meaning(right))
}

function setCurrentVersion(draft: ViewDraft, versionId: number): void {
  const id = versionId === LAST_ADDED ? draft.lastAddedVersionId : versionId
  if (id === undefined) {
    throw invalidViewUpdate('Cannot set last version id: no current version id has been set')
  }
  if (draft.metadata['current-version-id'] === id) return
  const version = draft.metadata.versions.find((known) => known['version-id'] === id)
  if (version === undefined) {
    throw invalidViewUpdate(`Cannot set current version to unknown version: ${id}`)
  }
  draft.activated = version
  change(draft, 'current-version-id', id)
}

/** The last members, which follow from all updates together. */
function settle(draft: ViewDraft, base: ViewMetadata | undefined): ViewMetadata {
  const { metadata, activated } = draft
  const { 'view-uuid': uuid, location, 'current-version-id': currentId } = metadata
  if (uuid === undefined) throw invalidViewUpdate('Cannot create a view without assign-uuid')
  if (location === undefined) throw invalidViewUpdate('Invalid location: null')
  if (currentId === undefined) throw invalidViewUpdate('Invalid view: no versions were added')
  const log = metadata['version-log']
  const settled: ViewMetadata = {
    ...metadata,
    'view-uuid': uuid,
    location,
    'current-version-id': currentId,
    'version-log': activated === undefined ? log : [...log, logEntry(draft, activated)],
  }
  if (base !== undefined) checkDroppedDialects(base, settled)
  return retainViewVersions(settled, draft.addedVersionIds)
}

/** An old version that comes back is current from now on, not from when it was made. */
function logEntry(draft: ViewDraft, version: ViewVersion): ViewMetadata['version-log'][number] {
  const id = version['version-id']
  const timestampMs = draft.addedVersionIds.has(id) ? version['timestamp-ms'] : draft.nowMs
  return { 'timestamp-ms': timestampMs, 'version-id': id }
}

function checkDroppedDialects(base: ViewMetadata, settled: ViewMetadata): void {
  if (settled.properties[DROP_DIALECT_PROPERTY]?.toLowerCase() === 'true') return
  const before = currentDialects(base)
  const after = currentDialects(settled)
  if (before.every((dialect) => after.includes(dialect))) return
  throw invalidViewUpdate(
    `Cannot replace view due to loss of view dialects (${DROP_DIALECT_PROPERTY}=false): ` +
      `previous dialects [${before.join(', ')}], new dialects [${after.join(', ')}]`,
  )
}

function currentDialects(metadata: ViewMetadata): readonly string[] {
  const id = metadata['current-version-id']
  const version = metadata.versions.find((known) => known['version-id'] === id)
  return version === undefined ? [] : dialectsOf(version)
}

function dialectsOf(version: ViewVersion): readonly string[] {
  return version.representations
    .filter(isSqlRepresentation)
    .map((representation) => representation.dialect.toLowerCase())
}

/** Updates come from the network too: one that is not in the type must never be skipped. */
function refuseUnknown(update: never): never {
  const { action } = update as { readonly action?: unknown }
  throw invalidViewUpdate(`Unknown update action for a view: ${String(action)}`)
}

function invalidViewUpdate(what: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${what}. Nothing was committed; load the view again and correct the updates.`,
  )
}
