import { SluiceError } from '../../tables/errors.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import type { Format } from '../formats/format.ts'
import { mappedFiles } from '../formats/mapping.ts'
import type { LakeModel } from '../lake-model.ts'
import { formatOfDeclared } from './declared-format.ts'
import { goldDefinitionOf, goldTableOf } from './declared-gold.ts'
import { bronzeTableOf, silverTableOf } from './declared-kind.ts'
import { isWholeFormat, type DeclaredFormat, type LakeExtension } from './lake-extension.ts'
import { problemsOf } from './problems-of.ts'

const layers = ['bronze', 'silver', 'gold', 'sluice']

/**
 * A model with what an extension adds; the given one stays as it is.
 * @throws SluiceError `invalid-input` with every problem: names that are taken, columns that are not
 * there.
 */
export function extendModel(model: LakeModel, extension: LakeExtension): LakeModel {
  const { name, kinds = [], gold = [], views = [] } = extension
  const own = [
    ...kinds.flatMap((kind) => [bronzeTableOf(kind), silverTableOf(kind)]),
    ...gold.map(goldDefinitionOf),
  ]
  const problems = [...problemsOf(extension), ...takenNames(model, extension, own)]
  if (problems.length > 0) throw refused(name, problems)
  const formats = (extension.formats ?? []).map((format) => formatOf(extension, format))
  return {
    kinds: [...model.kinds, ...kinds.map((kind) => kind.name)],
    formats: new Map([
      ...model.formats,
      ...formats.map((format) => [format.name, format] as const),
    ]),
    tables: [...model.tables, ...own].sort((a, b) => layerOf(a) - layerOf(b)),
    views: [...model.views, ...views],
    goldTables: [...model.goldTables, ...gold.map(goldTableOf)],
    extensions: [...model.extensions, { name, tables: own.map((table) => table.name) }],
  }
}

function formatOf({ kinds = [] }: LakeExtension, format: DeclaredFormat | Format): Format {
  if (isWholeFormat(format)) return format
  const kind = kinds.find((one) => one.name === format.kind)
  if (kind === undefined) throw new RangeError(`${format.kind} is no kind of the extension`)
  return formatOfDeclared(format, kind)
}

function layerOf({ name }: TableDefinition): number {
  return layers.indexOf(name.split('.')[0] ?? '')
}

/** Names are of the whole lake: a second thing of one name would take the first one's place. */
function takenNames(
  model: LakeModel,
  { name, kinds = [], formats = [], views = [] }: LakeExtension,
  tables: readonly TableDefinition[],
): readonly string[] {
  const namesOf = (things: readonly { readonly name: string }[]) => things.map((one) => one.name)
  const inLake = [...namesOf(model.tables), ...namesOf(model.views)]
  return [
    ...taken('extension', namesOf(model.extensions), [name]),
    ...taken('kind', model.kinds, namesOf(kinds)),
    ...taken('format', [...model.formats.keys(), ...mappedFiles], namesOf(formats)),
    ...taken('table or view', inLake, [...namesOf(tables), ...namesOf(views)]),
  ]
}

function taken(what: string, known: readonly string[], names: readonly string[]): string[] {
  return names.flatMap((name, index) =>
    known.includes(name) || names.indexOf(name) < index
      ? [`there is a ${what} ${name} already`]
      : [],
  )
}

function refused(name: string, problems: readonly string[]): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The extension ${name} cannot be used:\n${problems.map((one) => `  ${one}`).join('\n')}\n` +
      'Nothing was opened. Correct its file, or leave it out.',
    { context: { extension: name } },
  )
}
