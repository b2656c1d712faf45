import { SluiceError } from '../../tables/errors.ts'
import type { PartitionTransform } from '../../tables/spec/partition-spec.ts'
import type { SortBy } from '../../tables/evolve/plan-sort-order-change.ts'
import type { Alteration } from '../lake/alter-table.ts'
import { parseType } from './parse-type.ts'

/** The words of `sluice alter TABLE CHANGE …`, with an example of each. */
export const alterationForms = {
  add: 'add note string',
  drop: 'drop note',
  rename: 'rename note remark',
  promote: 'promote size long',
  set: 'set write.target-file-size-bytes=134217728',
  unset: 'unset write.target-file-size-bytes',
  partition: 'partition add "bucket[16](symbol)", or partition drop symbol_bucket_16',
  sort: 'sort symbol, "event_ts desc"',
} as const

export type AlterationName = keyof typeof alterationForms

export interface AlterationOptions {
  readonly doc?: string
  readonly after?: string
  readonly first?: boolean
}

/**
 * What a call asks for.
 * @throws SluiceError `invalid-input` where words are missing or too many, or make no sense.
 */
export function parseAlteration(
  name: AlterationName,
  words: readonly string[],
  options: AlterationOptions,
): Alteration {
  const [first, second] = words
  if (name === 'add' && first !== undefined && second !== undefined) {
    return addColumn(first, words.slice(1).join(' '), options)
  }
  if (options.doc !== undefined || options.after !== undefined || options.first === true) {
    throw wrongCall(name, '--doc, --after and --first are for a column that is added')
  }
  if (name === 'set') return { kind: 'set', properties: pairsOf(words) }
  if (name === 'unset' && first !== undefined) return { kind: 'unset', names: words }
  if (name === 'sort') return { kind: 'sort', sortBy: sortTerms(words) }
  if (name === 'partition' && second !== undefined) return partition(first, words.slice(1))
  if (words.length === 1 && first !== undefined && name === 'drop') {
    return { kind: 'schema', change: { op: 'drop-column', column: first } }
  }
  if (words.length === 2 && first !== undefined && second !== undefined) {
    if (name === 'rename') {
      return { kind: 'schema', change: { op: 'rename-column', column: first, name: second } }
    }
    if (name === 'promote') return promote(first, second)
  }
  throw wrongCall(name, 'words are missing or too many')
}

function addColumn(path: string, typeText: string, options: AlterationOptions): Alteration {
  const dot = path.lastIndexOf('.')
  const { doc, after } = options
  const position =
    after === undefined ? (options.first === true ? ('first' as const) : undefined) : { after }
  return {
    kind: 'schema',
    change: {
      op: 'add-column',
      name: path.slice(dot + 1),
      type: parseType(typeText),
      ...(dot < 0 ? {} : { parent: path.slice(0, dot) }),
      ...(doc === undefined ? {} : { doc }),
      ...(position === undefined ? {} : { position }),
    },
  }
}

function promote(column: string, typeText: string): Alteration {
  const type = parseType(typeText)
  if (typeof type !== 'string') throw wrongCall('promote', `${typeText} is no simple type`)
  return { kind: 'schema', change: { op: 'widen-column', column, type } }
}

function pairsOf(words: readonly string[]): Readonly<Record<string, string>> {
  const pairs = words.map((word) => {
    const cut = word.indexOf('=')
    if (cut < 1) throw wrongCall('set', `'${word}' is no KEY=VALUE`)
    return [word.slice(0, cut), word.slice(cut + 1)] as const
  })
  if (pairs.length === 0) throw wrongCall('set', 'nothing is to be set')
  return Object.fromEntries(pairs)
}

const transformForm =
  /^(identity|year|month|day|hour|void|bucket\[\d+\]|truncate\[\d+\])\s*\(\s*([^()]+?)\s*\)$/

function partition(verb: string | undefined, words: readonly string[]): Alteration {
  const [what, ...rest] = words
  if (what === undefined || rest.length > 0) throw wrongCall('partition', 'one field at a time')
  if (verb === 'drop') return { kind: 'partition', change: { op: 'remove-field', name: what } }
  if (verb !== 'add') throw wrongCall('partition', `'${verb ?? ''}' is neither add nor drop`)
  const [, transform, column] = transformForm.exec(what) ?? []
  return {
    kind: 'partition',
    change: {
      op: 'add-field',
      column: column ?? what,
      transform: (transform ?? 'identity') as PartitionTransform,
    },
  }
}

function sortTerms(words: readonly string[]): readonly SortBy[] {
  const terms = words
    .join(' ')
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '')
  if (terms.length === 0) throw wrongCall('sort', 'no column is named; `sort none` takes it away')
  if (terms.length === 1 && terms[0] === 'none') return []
  return terms.map(sortTerm)
}

function sortTerm(term: string): SortBy {
  const [, what, direction, nulls] =
    /^(.+?)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?$/i.exec(term) ?? []
  if (what === undefined || /\s/.test(what.replace(/\(.*\)/, ''))) {
    throw wrongCall('sort', `'${term}' is no column with asc or desc`)
  }
  const [, transform, column] = transformForm.exec(what) ?? []
  return {
    column: column ?? what,
    ...(transform === undefined ? {} : { transform: transform as PartitionTransform }),
    ...(direction === undefined ? {} : { direction: direction.toLowerCase() as 'asc' | 'desc' }),
    ...(nulls === undefined
      ? {}
      : { nullOrder: `nulls-${nulls.toLowerCase()}` as 'nulls-first' | 'nulls-last' }),
  }
}

function wrongCall(name: AlterationName, what: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `sluice alter TABLE ${name}: ${what}. Nothing was changed. It is called as in ` +
      `\`sluice alter TABLE ${alterationForms[name]}\`.`,
  )
}
