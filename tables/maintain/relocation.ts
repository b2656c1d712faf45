import { createHash } from 'node:crypto'
import { SluiceError } from '../errors.ts'
import { locationOfPath, pathOfLocation } from '../file-io/local-location.ts'

/** From where to where files have been moved, and what a location becomes by it. */
export interface Relocation {
  readonly from: string
  readonly to: string
  /** The location of a file that was below `from`; any other, or one that is done, as it is. */
  moved(location: string): string
  /** The location under which a file is written anew; always the same for one file. */
  renamed(location: string): string
  isMoved(location: string): boolean
}

/** What lies directly in a lake's folder and holds files that metadata names. */
const contentFolders = ['warehouse', '_sluice']

/**
 * A move of a folder with everything in it. Locations that other engines wrote as `file:/…` are
 * known too, and get the usual form.
 * @throws SluiceError `invalid-input` where one place lies so in the other that a name could mean
 * both.
 */
export function createRelocation(from: string, to: string): Relocation {
  const isAmbiguous = contentFolders.some(
    (folder) =>
      `${to}/`.startsWith(`${from}/${folder}/`) || `${from}/`.startsWith(`${to}/${folder}/`),
  )
  if (isAmbiguous || from === to) {
    throw new SluiceError(
      'invalid-input',
      `A lake cannot be relocated from ${from} to ${to}: one lies in the other's own folders. ` +
        'Nothing was changed. Move it to a place of its own.',
    )
  }
  // Where one place lies in the other, the longer name tells.
  const isInner = to.startsWith(`${from}/`)
  const isBelow = (location: string, place: string) =>
    location === place || location.startsWith(`${place}/`)
  const isMoved = (location: string) =>
    isBelow(location, to) && (isInner || !isBelow(location, from))
  const moved = (location: string) => {
    const usual = usualForm(location)
    if (isMoved(usual) || !isBelow(usual, from)) return location
    return `${to}${usual.slice(from.length)}`
  }
  return { from, to, isMoved, moved, renamed: (location) => renamed(location, to, moved) }
}

/** `file:/a/b` and `file:////a/b` as `file:///a/b`. */
function usualForm(location: string): string {
  if (!location.startsWith('file:')) return location
  try {
    return locationOfPath(pathOfLocation(location.replace(/^file:\/*/, 'file:///')))
  } catch {
    return location // no location of a file: nothing to move
  }
}

const uuidForm = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/

/** The moved location with another id in its name, made of the old location and the new place. */
function renamed(location: string, to: string, moved: (location: string) => string): string {
  const target = moved(location)
  const cut = target.lastIndexOf('/') + 1
  const [folder, name] = [target.slice(0, cut), target.slice(cut)]
  const hash = createHash('sha256').update(`${location}\n${to}`).digest('hex')
  const id = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-')
  if (uuidForm.test(name)) return folder + name.replace(uuidForm, id)
  const dot = name.indexOf('.')
  return folder + (dot < 0 ? `${name}-${id}` : `${name.slice(0, dot)}-${id}${name.slice(dot)}`)
}
