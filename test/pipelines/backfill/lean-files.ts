import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A print of a Lean file: time of day in New York in ms, price x10000, shares. */
export type LeanPrint = readonly [ms: number, price: number, size: number]

export const HOUR_MS = 3_600_000

/**
 * A temporary folder. It is made when it is first asked for, and made anew after it was removed:
 * suites of one process share what a module of theirs holds.
 */
export interface LeanFolder {
  readonly path: string
  /**
   * Writes `<day>_<symbol>_Trade_Tick.csv` of prints and other lines and gives its path; each lies
   * in a folder of its own, so that there may be several of one name.
   */
  write(day: string, symbol: string, lines: readonly (LeanPrint | string)[]): string
  remove(): void
}

export function makeLeanFolder(): LeanFolder {
  let made: string | undefined
  const pathOf = (): string => (made ??= mkdtempSync(join(tmpdir(), 'sluice-lean-')))
  return {
    get path() {
      return pathOf()
    },
    write: (day, symbol, lines) => {
      const file = join(mkdtempSync(join(pathOf(), 'f-')), `${day}_${symbol}_Trade_Tick.csv`)
      writeFileSync(file, `${lines.map(lineOf).join('\n')}\n`)
      return file
    },
    remove: () => {
      if (made !== undefined) rmSync(made, { recursive: true, force: true })
      made = undefined
    },
  }
}

function lineOf(line: LeanPrint | string): string {
  return typeof line === 'string' ? line : `${line.join(',')},P,0,0`
}

/** Prints every `everyMs` from a time of day on. */
export function printsFrom(fromMs: number, count: number, everyMs = 1000): LeanPrint[] {
  return Array.from({ length: count }, (_, index) => {
    return [fromMs + index * everyMs, 1_000_000 + (index % 7) * 100, 100 + (index % 3)] as const
  })
}
