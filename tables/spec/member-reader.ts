import { SluiceError } from '../errors.ts'

/** The members of a JSON object whose form is not checked yet. */
export type Members = Readonly<Record<string, unknown>>

/** The error that a document breaks its specification, which names the document. */
export type Corrupt = (fact: string) => SluiceError

/**
 * Takes members out of parsed JSON. Each function throws `corrupt-data` that names the member, and
 * whose it is where `owner` is given.
 */
export interface MemberReader {
  membersOf(value: unknown, owner: string): Members
  /** A whole number below 2^53. */
  numberOf(raw: Members, name: string, owner?: string): number
  textOf(raw: Members, name: string, owner?: string): string
  booleanOf(raw: Members, name: string, owner?: string): boolean
  /** A list of objects. */
  listOf(raw: Members, name: string, owner?: string): readonly Members[]
  /** As `listOf`; empty where the member is absent. */
  optionalListOf(raw: Members, name: string, owner?: string): readonly Members[]
  /** A map from text to text; empty where the member is absent. */
  textMapOf(raw: Members, name: string): Readonly<Record<string, string>>
}

/** `document` names what is read (`Table metadata`), `advice` what to do where it is broken. */
export function corruptDocument(document: string, advice: string): Corrupt {
  return (fact) =>
    new SluiceError(
      'corrupt-data',
      `${document} breaks the Iceberg specification: ${fact}. ${advice}`,
    )
}

export function createMemberReader(corrupt: Corrupt): MemberReader {
  function take<T>(
    raw: Members,
    name: string,
    owner: string | undefined,
    wanted: { readonly isValid: (value: unknown) => value is T; readonly words: string },
  ): T {
    const value = raw[name]
    if (wanted.isValid(value)) return value
    const place = owner === undefined ? name : `${name} of ${owner}`
    throw corrupt(`${place} is missing or ${wanted.words}`)
  }
  function membersOf(value: unknown, owner: string): Members {
    if (isMembers(value)) return value
    throw corrupt(`${owner} is no JSON object`)
  }
  function listOf(raw: Members, name: string, owner?: string): readonly Members[] {
    const list = take(raw, name, owner, { isValid: isList, words: 'no list' })
    return list.map((item) => membersOf(item, `an entry of ${name}`))
  }
  return {
    membersOf,
    listOf,
    numberOf: (raw, name, owner) =>
      take(raw, name, owner, { isValid: isInteger, words: 'no integer below 2^53' }),
    textOf: (raw, name, owner) => take(raw, name, owner, { isValid: isText, words: 'no text' }),
    booleanOf: (raw, name, owner) =>
      take(raw, name, owner, { isValid: isBoolean, words: 'neither true nor false' }),
    optionalListOf: (raw, name, owner) => (raw[name] === undefined ? [] : listOf(raw, name, owner)),
    textMapOf: (raw, name) => {
      const members = membersOf(raw[name] ?? {}, name)
      for (const [key, value] of Object.entries(members)) {
        if (!isText(value)) throw corrupt(`${key} of ${name} is no text`)
      }
      return members as Readonly<Record<string, string>>
    },
  }
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

/** Null and absent mean the same; absent is what every reader takes. */
export function withoutNulls(raw: Members): Members {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null))
}
