import { SluiceError } from '../errors.ts'
import type { RestRequest } from './rest-server-route.ts'

export interface Page<T> {
  readonly items: readonly T[]
  /** Where the next page goes on; undefined where this one is the last. */
  readonly nextToken: string | undefined
}

/** The parameters of a list, for the description of its route. */
export const pageQuery = {
  pageToken: 'Where to go on; empty for the first page. Absent: the whole list',
  pageSize: 'How many names a page has at most',
}

/**
 * One page of a list. A client that sends no `pageToken` knows no pages and gets the whole list; an
 * empty one starts. A token holds the last name that was sent, so that what comes and goes between
 * two pages neither repeats nor hides the others. Throws `invalid-input`.
 */
export function pageOf<T>(
  list: readonly T[],
  nameOf: (item: T) => string,
  { query }: Pick<RestRequest, 'query'>,
): Page<T> {
  const { pageToken, pageSize } = query
  const sizeMax = pageSize === undefined ? list.length : readPageSize(pageSize)
  if (pageToken === undefined) return { items: list, nextToken: undefined }
  const after = pageToken === '' ? undefined : readToken(pageToken)
  const named = list.map((item) => ({ item, name: nameOf(item) }))
  const rest = named
    .filter(({ name }) => after === undefined || name > after)
    .sort((left, right) => (left.name < right.name ? -1 : 1))
  const page = rest.slice(0, sizeMax)
  const last = page.at(-1)
  return {
    items: page.map(({ item }) => item),
    nextToken: page.length < rest.length && last !== undefined ? tokenOf(last.name) : undefined,
  }
}

/** The members of an answer that say where the list goes on. */
export function nextPage({ nextToken }: Page<unknown>): { readonly 'next-page-token'?: string } {
  return nextToken === undefined ? {} : { 'next-page-token': nextToken }
}

const PREFIX = 'after:'

function tokenOf(name: string): string {
  return Buffer.from(PREFIX + name, 'utf8').toString('base64url')
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8')
  if (text.startsWith(PREFIX) && tokenOf(text.slice(PREFIX.length)) === token) {
    return text.slice(PREFIX.length)
  }
  throw new SluiceError(
    'invalid-input',
    'The pageToken is not one of this catalog. Nothing was listed; start again with an empty one.',
  )
}

function readPageSize(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new SluiceError(
    'invalid-input',
    `The pageSize must be a positive number, not ${text}. Nothing was listed; correct it.`,
  )
}
