import { describe, expect, it } from 'vitest'
import { errorKinds } from '../../tables/errors.ts'
import { readRepositoryFile, repositoryFiles } from '../support/repository-files.ts'

const page = readRepositoryFile('docs/errors.md')

/** Text of the product's files, each with its strings joined that are written in pieces. */
const sources = repositoryFiles()
  .filter((path) => /^(pipelines|serving|shared-transforms|tables)\/.*\.ts$/.test(path))
  .map((path) => joinStrings(readRepositoryFile(path)))

function joinStrings(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/['"`] \+ ['"`]/g, '')
    .replaceAll("\\'", "'")
}

/** The messages that a section quotes: what its items begin with, up to the colon. */
function quotesOf(section: string): string[] {
  const heads = [...section.matchAll(/^- ((?:`[^`]+`[^`:]*)+):/gm)].map((match) => match[1] ?? '')
  return heads.flatMap((head) => [...head.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''))
}

/** What stands between the parts of a message that are different each time. */
const piecesOf = (quote: string): string[] =>
  quote.split(/…|\bACTION\b/).filter((piece) => piece.trim().length > 3)

describe('the page of errors', () => {
  it('has one section for each kind, and none for another', () => {
    const sections = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? '')
    expect(sections.sort()).toEqual([...errorKinds].sort())
  })

  it('has a line for each kind in its table', () => {
    const rows = [...page.matchAll(/^\| `([a-z-]+)` *\|/gm)].map((match) => match[1] ?? '')
    expect(rows.sort()).toEqual([...errorKinds].sort())
  })

  it('says something in each section', () => {
    for (const section of page.split(/^## .+$/m).slice(1)) {
      expect(section.trim().length).toBeGreaterThan(200)
    }
  })

  it.each(errorKinds)('quotes of %s only what the code says, in a file that throws it', (kind) => {
    const section = page.split(`\n## ${kind}\n`)[1]?.split('\n## ')[0] ?? ''
    const throwing = sources.filter((text) => text.includes(`'${kind}'`))
    const quotes = quotesOf(section)
    expect(quotes.length).toBeGreaterThan(2)
    const unsaid = quotes.filter(
      (quote) => !throwing.some((text) => piecesOf(quote).every((piece) => text.includes(piece))),
    )
    expect(unsaid).toEqual([])
  })
})
