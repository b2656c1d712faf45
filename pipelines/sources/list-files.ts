import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SluiceError } from '../../tables/errors.ts'

/**
 * The files that paths stand for, in the order given and each once: a file itself, all files in a
 * folder and the folders in it, and what a pattern finds that no shell has expanded (`*`, `?`, `[a-z]`,
 * `{a,b}` in a name, `**` for folders at any depth). Files of one path come sorted; names that begin
 * with a dot are passed over, as a shell does, and so are links to folders within folders. A path
 * that is there is never taken for a pattern.
 * @throws SluiceError `invalid-input` where nothing is found.
 */
export async function listFiles(given: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  for (const path of given) {
    for (const file of await filesOf(path)) found.add(file)
  }
  return [...found]
}

async function filesOf(path: string): Promise<readonly string[]> {
  const kind = await kindOf(path)
  if (kind === 'folder') {
    const files = await filesIn(path)
    if (files.length > 0) return files.sort(byText)
    throw nothing(`The folder ${path} holds no file.`, path)
  }
  if (kind !== 'missing') return [path]
  if (!isPattern(path)) throw nothing(`${path} is not there.`, path)
  const isAbsolute = path.startsWith('/')
  const steps = path.split('/').filter((step) => step !== '')
  const matches = new Set(await matching(isAbsolute ? '/' : '', steps))
  const files = new Set<string>()
  for (const match of matches) {
    const isFolder = (await kindOf(match)) === 'folder'
    for (const file of isFolder ? await filesIn(match) : [match]) files.add(file)
  }
  if (files.size === 0) throw nothing(`Nothing matches ${path}.`, path)
  return [...files].sort(byText)
}

/** Links to files count; one to a folder could lead back here for ever. */
async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = []
  for (const entry of await entriesOf(folder)) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) files.push(...(await filesIn(path)))
    else if ((await kindOf(path)) === 'file') files.push(path)
  }
  return files
}

/** Paths below a folder that the steps of a pattern match, one step a name. */
async function matching(folder: string, steps: readonly string[]): Promise<string[]> {
  const [step, ...rest] = steps
  if (step === undefined) return [folder]
  if (step !== '**' && !isPattern(step)) {
    const path = join(folder, step)
    return (await kindOf(path)) === 'missing' ? [] : matching(path, rest)
  }
  const pattern = step === '**' ? undefined : patternOf(step)
  const paths = step === '**' ? await matching(folder, rest) : []
  for (const entry of await entriesOf(folder === '' ? '.' : folder)) {
    const { name } = entry
    if (name.startsWith('.') && !step.startsWith('.')) continue
    const path = join(folder, name)
    if (pattern === undefined)
      paths.push(...(entry.isDirectory() ? await matching(path, steps) : []))
    else if (pattern.test(name)) paths.push(...(await matching(path, rest)))
  }
  return paths
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    if ((await kindOf(folder)) !== 'folder') return []
    throw new SluiceError(
      'invalid-input',
      `The folder ${folder} cannot be read. Nothing was read. Make it readable, or leave it out.`,
      { cause, context: { path: folder } },
    )
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | 'missing'> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) return 'folder'
    return found.isFile() ? 'file' : 'other'
  } catch {
    return 'missing'
  }
}

function isPattern(text: string): boolean {
  return /[*?[{]/.test(text)
}

/** One name of a pattern; a bracket that is not closed is a character. */
function patternOf(step: string): RegExp {
  const source = step.replaceAll(
    /\[(!?)([^\]]+)\]|\{([^{}]*)\}|[*?]|[\\^$.|+()[\]{}]/g,
    (found, negation: string, set?: string, choices?: string) => {
      if (set !== undefined) {
        return `[${negation === '!' ? '^' : ''}${set.replaceAll(/[\\^[]/g, String.raw`\$&`)}]`
      }
      if (choices !== undefined) {
        return `(?:${choices
          .split(',')
          .map((each) => patternOf(each).source.slice(1, -1))
          .join('|')})`
      }
      if (found === '*') return '.*'
      return found === '?' ? '.' : `\\${found}`
    },
  )
  return new RegExp(`^${source}$`, 'su')
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function nothing(what: string, path: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${what} Nothing was read. Give files, folders or patterns such as 'data/**/*.csv.gz'.`,
    { context: { path } },
  )
}
