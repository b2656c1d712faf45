import { trades } from '../../silver/trades.ts'
import { windowSteps } from '../window-step.ts'
import {
  isWholeFormat,
  type DeclaredFormat,
  type DeclaredGold,
  type DeclaredKind,
  type LakeExtension,
} from './lake-extension.ts'

/** Parts of SQL and of file names. */
const SNAKE = /^[a-z][a-z0-9_]{0,62}$/
const KEBAB = /^[a-z][a-z0-9-]{0,62}$/
const reserved = new Set([
  ...trades.columns.filter(({ role }) => role === 'lineage').map(({ name }) => name),
  ...['venue', 'venue_symbol', 'instrument_id', 'event_ts', 'is_rounded', 'kind', 'format'],
  ...['reason', 'detail', 'payload', 'headers', 'message_key', 'payload_encoding', 'verdict'],
  ...['step', 'open_ts', 'close_ts', 'is_sealed', 'revision', 'is_complete', 'us', 'order_key'],
])

/** What is wrong with an extension by itself, whatever lake it is for. */
export function problemsOf(extension: LakeExtension): readonly string[] {
  const { name, kinds = [], formats = [], gold = [] } = extension
  return [
    ...misnamed('the name of the extension', KEBAB, [name]),
    ...kinds.flatMap(kindProblems),
    ...formats.flatMap((format) =>
      isWholeFormat(format)
        ? misnamed('a format', KEBAB, [format.name])
        : formatProblems(format, kinds),
    ),
    ...gold.flatMap((table) => goldProblems(table, kinds)),
  ]
}

function kindProblems({ name, columns }: DeclaredKind): string[] {
  const names = columns.map((column) => column.name)
  const hasNumber = columns.some(({ holds }) => ['price', 'quantity', 'rate'].includes(holds))
  return [
    ...misnamed('a kind', SNAKE, [name]),
    ...columnProblems(`kind ${name}`, [...names, `${name}_id`]),
    ...(hasNumber ? [] : [`kind ${name} has no column that holds a price, a quantity or a rate`]),
  ]
}

function formatProblems(format: DeclaredFormat, kinds: readonly DeclaredKind[]): string[] {
  const { name, file, header, columns, constants = {} } = format
  const kind = kinds.find((one) => one.name === format.kind)
  if (kind === undefined) return [`format ${name} is of ${format.kind}, no kind of the extension`]
  const id = kind.identity === 'id' ? [`${kind.name}_id`] : []
  const basic = ['venue', 'venue_symbol', 'event_ts', ...id]
  const known = [...basic, ...kind.columns.map((column) => column.name)]
  const told = [...Object.keys(columns), ...Object.keys(constants)]
  const optional = kind.columns.filter(({ isOptional }) => isOptional === true)
  const needed = known.filter((column) => !optional.some((one) => one.name === column))
  const of = (names: readonly string[], what: string) =>
    names.map((column) => `format ${name} ${what} ${column}`)
  return [
    ...misnamed('a format', KEBAB, [name]),
    ...of(
      [...new Set(told)].filter((one) => !known.includes(one)),
      'fills what is no column:',
    ),
    ...of(
      needed.filter((column) => !told.includes(column)),
      'says nothing of',
    ),
    ...of(
      Object.keys(columns).filter((one) => one in constants),
      'says twice what is in',
    ),
    ...('event_ts' in constants ? [`format ${name} has the same event_ts in all rows`] : []),
    ...(file === 'csv' && header === undefined ? [`format ${name} of csv has no header`] : []),
    ...(file === 'ndjson' && header !== undefined
      ? [`format ${name} has a header and is no csv`]
      : []),
    ...of(
      Object.values(columns).filter((key) => header !== undefined && !header.includes(key)),
      'reads what its header does not have:',
    ),
    ...of(
      Object.values(columns).filter((key) => /["\\\p{Cc}[\]]/u.test(key)),
      'reads a key with a quote, a bracket or a backslash:',
    ),
  ]
}

function goldProblems(
  { name, kind, columns }: DeclaredGold,
  kinds: readonly DeclaredKind[],
): string[] {
  const names = columns.map((column) => column.name)
  const isState = ({ partial, merge }: DeclaredGold['columns'][number]) =>
    partial !== undefined && merge !== undefined
  const isQuotient = ({ partial, merge, quotient }: DeclaredGold['columns'][number]) =>
    quotient !== undefined && partial === undefined && merge === undefined
  const wrong = columns.filter((column) => isQuotient(column) === isState(column))
  const steps = windowSteps.map(({ step }) => `_${step}`)
  return [
    ...misnamed('a table of gold', SNAKE, [name.replace(/^gold\./, '')]),
    ...(name.startsWith('gold.') ? [] : [`the table ${name} does not lie in gold`]),
    ...(steps.some((step) => name.endsWith(step))
      ? [`the table ${name} has a step in its name`]
      : []),
    ...(kinds.some((one) => one.name === kind)
      ? []
      : [`${name} is of ${kind}, no kind of the extension`]),
    ...columnProblems(name, names),
    ...wrong.map(
      (one) => `${name}.${one.name} has neither partial and merge, nor a quotient alone`,
    ),
    ...(columns.some(isState) ? [] : [`${name} has no column with partial and merge`]),
  ]
}

function columnProblems(where: string, names: readonly string[]): string[] {
  return [
    ...misnamed(`a column of ${where}`, SNAKE, names),
    ...names
      .filter((name) => reserved.has(name))
      .map((name) => `${where} has a column ${name}, as every table`),
    ...names
      .filter((name, at) => names.indexOf(name) < at)
      .map((name) => `${where} has ${name} twice`),
  ]
}

function misnamed(what: string, pattern: RegExp, names: readonly string[]): string[] {
  const letters = pattern === SNAKE ? 'underscores' : 'hyphens'
  return names
    .filter((name) => !pattern.test(name))
    .map((name) => `"${name}" cannot be ${what}: small letters, digits and ${letters}`)
}
