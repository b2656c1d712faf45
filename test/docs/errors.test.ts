import { describe, expect, it } from 'vitest'
import { errorKinds } from '../../tables/errors.ts'
import { readRepositoryFile } from '../support/repository-files.ts'

const page = readRepositoryFile('docs/errors.md')

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
})
