import type { EncryptedKey, TableMetadata } from '../spec/table-metadata.ts'
import { change, invalidUpdate, type MetadataDraft } from './metadata-draft.ts'

const NEWEST_FORMAT_VERSION = 3

/** Gives a new table its id. An id that changes makes every engine refuse the table. */
export function assignUuid(draft: MetadataDraft, uuid: string): void {
  const current = draft.metadata['table-uuid']
  if (current.toLowerCase() === uuid.toLowerCase()) return
  if (current !== '') {
    throw invalidUpdate(`Cannot change the table's UUID from ${current} to ${uuid}`)
  }
  change(draft, { 'table-uuid': uuid })
}

export function upgradeFormatVersion(draft: MetadataDraft, version: number): void {
  const current = draft.metadata['format-version']
  if (version === current) return
  if (!isFormatVersion(version)) {
    throw invalidUpdate(
      `Cannot upgrade table to unsupported format version: v${version} ` +
        `(supported: v${NEWEST_FORMAT_VERSION})`,
    )
  }
  if (version < current) {
    throw invalidUpdate(`Cannot downgrade v${current} table to v${version}`)
  }
  // From version 3 on rows have ids: the first free one must be in the table from the start.
  const rowIds = version >= 3 && !('next-row-id' in draft.metadata) ? { 'next-row-id': 0 } : {}
  change(draft, { 'format-version': version, ...rowIds })
}

export function setLocation(draft: MetadataDraft, location: string): void {
  const trimmed = location.replace(/(?<=[^/:])\/+$/, '')
  if (!/^[a-z][a-z0-9+.-]*:/.test(trimmed)) {
    throw invalidUpdate(`A table's location must have a scheme: ${location}`)
  }
  if (trimmed !== draft.metadata.location) change(draft, { location: trimmed })
}

export function setProperties(
  draft: MetadataDraft,
  updates: Readonly<Record<string, string>>,
): void {
  const { properties } = draft.metadata
  const isChanged = Object.entries(updates).some(([key, value]) => properties[key] !== value)
  if (isChanged) change(draft, { properties: { ...properties, ...updates } })
}

export function removeProperties(draft: MetadataDraft, removals: readonly string[]): void {
  const removed = new Set(removals)
  const entries = Object.entries(draft.metadata.properties)
  const kept = entries.filter(([key]) => !removed.has(key))
  if (kept.length < entries.length) change(draft, { properties: Object.fromEntries(kept) })
}

/** Keeps a key of an encrypted table; one that is there already stays. */
export function addEncryptionKey(draft: MetadataDraft, key: EncryptedKey): void {
  const keys = draft.metadata['encryption-keys'] ?? []
  if (keys.some((known) => known['key-id'] === key['key-id'])) return
  change(draft, { 'encryption-keys': [...keys, key] })
}

export function removeEncryptionKey(draft: MetadataDraft, keyId: string): void {
  const keys = draft.metadata['encryption-keys'] ?? []
  const kept = keys.filter((key) => key['key-id'] !== keyId)
  if (kept.length < keys.length) change(draft, { 'encryption-keys': kept })
}

function isFormatVersion(version: number): version is TableMetadata['format-version'] {
  return version === 1 || version === 2 || version === NEWEST_FORMAT_VERSION
}
