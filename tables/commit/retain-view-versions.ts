import { SluiceError } from '../errors.ts'
import type { ViewMetadata } from '../spec/view-metadata.ts'

/** Property: how many versions a view keeps. */
export const VERSION_HISTORY_PROPERTY = 'version.history.num-entries'
export const DEFAULT_VERSION_HISTORY = 10

/**
 * The view with as many versions as its property allows: the current one, those that were just
 * added, then the highest ids. An entry of the log whose version is gone takes those before it
 * along, for its neighbour would seem to have been current in its time. Throws `invalid-input`
 * where the property is no positive number.
 */
export function retainViewVersions(
  metadata: ViewMetadata,
  addedVersionIds: ReadonlySet<number>,
): ViewMetadata {
  const currentId = metadata['current-version-id']
  const needed = new Set([...addedVersionIds, currentId])
  const count = Math.max(needed.size, historySize(metadata))
  if (metadata.versions.length <= count) return metadata

  const newestFirst = metadata.versions
    .map((version) => version['version-id'])
    .filter((id) => id !== currentId)
    .sort((left, right) => right - left)
  const kept = new Set([currentId, ...newestFirst.slice(0, count - 1)])
  const log = metadata['version-log']
  const lastGap = log.findLastIndex((entry) => !kept.has(entry['version-id']))
  return {
    ...metadata,
    versions: metadata.versions.filter((version) => kept.has(version['version-id'])),
    'version-log': log.slice(lastGap + 1),
  }
}

function historySize(metadata: ViewMetadata): number {
  const text = metadata.properties[VERSION_HISTORY_PROPERTY]
  if (text === undefined) return DEFAULT_VERSION_HISTORY
  if (/^\d+$/.test(text) && Number(text) > 0) return Number(text)
  throw new SluiceError(
    'invalid-input',
    `${VERSION_HISTORY_PROPERTY} must be positive but was ${text}. Nothing was committed; ` +
      'correct the property.',
  )
}
