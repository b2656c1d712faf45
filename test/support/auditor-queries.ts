import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from './data.ts'

export interface AuditorQuery {
  /** What it proves: the comment above it. */
  readonly name: string
  readonly sql: string
}

/** The queries of docs/verify.sql, each of which finds what is wrong in a lake. */
export function auditorQueries(): readonly AuditorQuery[] {
  const text = readFileSync(join(repositoryRoot, 'docs', 'verify.sql'), 'utf8')
  const parts = text.split(/^(?=-- \d+\. )/m).slice(1)
  return parts.map((part) => {
    const name = /^-- (\d+\. [^.:]*)/.exec(part)?.[1]?.replaceAll(/\s*\n--\s*/g, ' ') ?? ''
    const lines = part.split('\n').filter((line) => !line.startsWith('--'))
    return { name, sql: lines.join('\n').trim().replace(/;$/, '') }
  })
}
