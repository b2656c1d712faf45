import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'
import { repositoryRoot } from './data.ts'

/** Folders that hold nothing of the repository, by their paths, as .gitignore says. */
const ignoredFolders = new Set([
  ...['.git', 'node_modules', 'dist', 'lake', 'lakes', 'lake-copy', '.cache', 'coverage'],
])

/** All files of the repository, as paths from its root with forward slashes, sorted. */
export function repositoryFiles(): string[] {
  const found: string[] = []
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(repositoryRoot, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name)
      // In a second work tree of git .git is a file.
      if (ignoredFolders.has(path)) continue
      if (entry.isFile() && !entry.name.endsWith('.log')) found.push(path)
      else if (entry.isDirectory()) visit(path)
    }
  }
  visit('')
  return found.sort()
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8')
}

export interface ImportLine {
  /** The importing file, from the root. */
  readonly from: string
  /** As written: `./x.ts`, `node:fs`, `kafkajs`. */
  readonly specifier: string
  /** The imported file from the root, undefined for packages. */
  readonly to: string | undefined
  /** Only types: gone when the program runs. */
  readonly isTypeOnly: boolean
}

/** Every import, re-export and dynamic import of a literal in a TypeScript or JavaScript file. */
export function importsOf(path: string): ImportLine[] {
  const text = readRepositoryFile(path)
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, false)
  const lines: ImportLine[] = []
  const add = (specifier: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return
    const isFile = specifier.text.startsWith('.')
    const to = isFile ? posix.normalize(posix.join(dirname(path), specifier.text)) : undefined
    lines.push({ from: path, specifier: specifier.text, to, isTypeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return lines
}
