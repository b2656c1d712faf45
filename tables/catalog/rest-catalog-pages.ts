import type { z } from 'zod'

import { SluiceError } from '../errors.ts'
import type { RestCall, RestClient } from './rest-client.ts'

/** Pages of one list that are read: at a hundred names a page, a million names. */
const PAGES_MAX = 10_000

type PageBody = z.ZodType<{ readonly 'next-page-token'?: string | undefined }>

/**
 * All items of a list. The empty token says that the client reads pages; a catalog that knows
 * none answers with everything.
 * @throws SluiceError `corrupt-data` where the pages have no end.
 */
export async function readPages<T extends PageBody, Item>(
  client: RestClient,
  call: RestCall,
  body: T,
  itemsOf: (page: z.output<T>) => readonly Item[],
): Promise<readonly Item[]> {
  const items: Item[] = []
  const seen = new Set<string>()
  let pageToken = ''
  for (let pageCount = 0; pageCount < PAGES_MAX; pageCount += 1) {
    const page = await client.read({ ...call, query: { ...call.query, pageToken } }, body)
    items.push(...itemsOf(page))
    const next = page['next-page-token']
    if (next === undefined) return items
    if (seen.has(next)) break
    seen.add(next)
    pageToken = next
  }
  throw new SluiceError(
    'corrupt-data',
    `${call.what}: the catalog's pages have no end (${seen.size} were read). Nothing of it was ` +
      'used; see to the catalog.',
  )
}
