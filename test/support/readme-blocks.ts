import { readRepositoryFile } from './repository-files.ts'

/** A fenced block of README.md, and what the comment before it says about running it. */
export interface ReadmeBlock {
  /** The heading above it. */
  readonly section: string
  readonly language: string
  readonly text: string
  /** Undefined where no comment says anything. */
  readonly run: 'to its end' | 'until Ctrl-C' | 'not' | undefined
}

const marks: readonly (readonly [RegExp, ReadmeBlock['run']])[] = [
  [/^<!-- test: runs -->$/, 'to its end'],
  [/^<!-- test: runs until Ctrl-C -->$/, 'until Ctrl-C'],
  [/^<!-- not run by a test: \S.* -->$/, 'not'],
]

/** Every fenced block of README.md, in order. */
export function readReadmeBlocks(): readonly ReadmeBlock[] {
  const blocks: ReadmeBlock[] = []
  let section = ''
  let before = ''
  let open:
    { readonly language: string; readonly lines: string[]; readonly mark: string } | undefined
  for (const line of readRepositoryFile('README.md').split('\n')) {
    if (open !== undefined) {
      if (line !== '```') open.lines.push(line)
      else {
        const { language, lines, mark } = open
        const run = marks.find(([pattern]) => pattern.test(mark))?.[1]
        blocks.push({ section, language, text: lines.join('\n'), run })
        open = undefined
        before = ''
      }
    } else if (line.startsWith('```')) open = { language: line.slice(3), lines: [], mark: before }
    else if (line.startsWith('## ')) section = line.slice(3)
    else if (line !== '') before = line
  }
  return blocks
}
