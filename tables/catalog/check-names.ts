import { SluiceError } from '../errors.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'

const MAX_NAME_LENGTH = 255

/** Throws `invalid-input` where a new table cannot have this name. */
export function checkTableName(identifier: TableIdentifier): void {
  checkNamespaceName(identifier.namespace)
  checkName('table', identifier.name)
}

/** Throws `invalid-input` where a new namespace cannot have this name. */
export function checkNamespaceName(namespace: readonly string[]): void {
  if (namespace.length === 0) throw refused('A namespace must have at least one level')
  for (const level of namespace) {
    checkName('namespace', level)
    // Levels are stored joined by dots, as the other catalogs over this database do it.
    if (level.includes('.')) throw refused(`A namespace level may not have a dot: ${level}`)
  }
  if (namespace.join('.').length > MAX_NAME_LENGTH) throw refused('The namespace is too long')
}

/** A folder name for a name: percent signs for what a path or another engine would take apart. */
export function folderNameOf(name: string): string {
  return encodeURIComponent(name)
}

function checkName(what: string, name: string): void {
  if (name === '' || name === '.' || name === '..') {
    throw refused(`A ${what} may not be named ${JSON.stringify(name)}`)
  }
  if (name.length > MAX_NAME_LENGTH) throw refused(`The name of the ${what} is too long`)
  // Control characters and halves of characters cannot be written into every store.
  if (/[\p{Cc}\p{Cs}]/u.test(name)) {
    throw refused(`The name of the ${what} has characters that cannot be stored`)
  }
}

function refused(what: string): SluiceError {
  return new SluiceError('invalid-input', `${what}. Nothing was created; use another name.`)
}
