import type { ErrorKind } from '../../tables/errors.ts'

/** What `sluice verify` looks at, in its order; the last five belong to `--deep`. */
export const checkNames = [
  'tables',
  'heads',
  'files',
  'cuts',
  'positions',
  'bronze',
  'silver',
  'rejected',
  'gold',
  'derivation',
  'gaps',
  'entries',
  'summaries',
  'orphans',
] as const

export type CheckName = (typeof checkNames)[number]

/** Of the closed list: promised rows that are gone, or content that contradicts another. */
export type FindingKind = Extract<ErrorKind, 'data-loss' | 'corrupt-data'>

/** One thing that is wrong, and where. */
export interface Finding {
  readonly check: CheckName
  readonly kind: FindingKind
  readonly table?: string
  /** Location of the file that is wrong, or that holds the rows that are. */
  readonly file?: string
  /** Files of which `file` is one, where their rows do not tell which of them is wrong. */
  readonly files?: readonly string[]
  /** The cut that made what is wrong, where that can be told. */
  readonly cut?: number
  /** The snapshot that added the file, where somebody else than Sluice made it. */
  readonly foreignSnapshot?: bigint
  /** What is so, and what it means. */
  readonly what: string
  /** What to do. */
  readonly advice: string
}

/** What one check came to. */
export interface CheckResult {
  readonly name: CheckName
  /** What was held against each other: `8 tables`. */
  readonly checkedCount: number
  readonly unit: string
  readonly findings: readonly Finding[]
  /** What is no failure, and good to know. */
  readonly notes: readonly string[]
}

/** Findings of one check that are told one by one; the rest is a number. */
export const FINDINGS_MAX = 20

/** `s` but for one. */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count} ${Number(count) === 1 ? one : many}`
}
