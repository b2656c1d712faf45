import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { extendModel } from '../../shared-transforms/extension/extend-model.ts'
import type { LakeExtension } from '../../shared-transforms/extension/lake-extension.ts'
import { builtInModel, type LakeModel } from '../../shared-transforms/lake-model.ts'
import { SluiceError } from '../../tables/errors.ts'
import { extensionSchema } from './extension-schema.ts'

/**
 * The model with what files of extensions add. Each is a module, whose code runs, that exports
 * `extension`. A file that is named twice counts once.
 * @param folder relative paths are taken from there
 * @throws SluiceError `invalid-input` for a file that cannot be loaded, or is no extension, and as
 * `extendModel`.
 */
export async function loadExtensions(
  paths: readonly string[],
  folder: string,
  model: LakeModel = builtInModel,
): Promise<LakeModel> {
  let extended = model
  for (const path of new Set(paths.map((one) => resolve(folder, one)))) {
    const extension = await loadExtension(path)
    // By --extension and by the config: the same one.
    if (loadedFrom.get(extended)?.has(path) === true) continue
    const before = loadedFrom.get(extended) ?? []
    extended = extendModel(extended, extension)
    loadedFrom.set(extended, new Set([...before, path]))
  }
  return extended
}

/** The files that a model was made of. */
const loadedFrom = new WeakMap<LakeModel, ReadonlySet<string>>()

async function loadExtension(path: string): Promise<LakeExtension> {
  let module: unknown
  try {
    module = await import(pathToFileURL(path).href)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SluiceError(
      'invalid-input',
      `The extension ${path} cannot be loaded (${reason}). Nothing was opened. Name a JavaScript ` +
        'module that is there and exports `extension`; examples/funding-rates.mjs is one.',
      { cause, context: { path } },
    )
  }
  const exported = (module as { readonly extension?: unknown }).extension
  const read = extensionSchema.safeParse(exported)
  // The schema is the shape; names and columns are looked at where the model is extended.
  if (read.success) return exported as LakeExtension
  const problems =
    exported === undefined
      ? ['it exports nothing that is called extension']
      : read.error.issues.map((issue) => `${issue.path.join('.') || 'extension'}: ${issue.message}`)
  throw new SluiceError(
    'invalid-input',
    `${path} is no extension:\n${problems.map((one) => `  ${one}`).join('\n')}\nNothing was ` +
      'opened. Correct it; examples/funding-rates.mjs is one.',
    { context: { path } },
  )
}
