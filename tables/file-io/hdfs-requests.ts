import type { FileStat } from './file-io.ts'
import { hdfsError } from './hdfs-error.ts'
import { hdfsPlaceOf } from './hdfs-location.ts'
import { retryWithBackoff, type RetryContext } from './retry-with-backoff.ts'
import type { AvoidedDataNodes, WebHdfsClient } from './webhdfs-client.ts'
import { isHdfsMissing, isHdfsPassing, isHdfsReason, WebHdfsFailure } from './webhdfs-failure.ts'
import { type HdfsStatus, parseFileStatus, parseListing } from './webhdfs-json.ts'

/** A client and how often it tries. */
export interface HdfsRequests {
  readonly client: WebHdfsClient
  readonly retry: RetryContext
  /** The path of a location. Throws `invalid-input` where it is none of this HDFS. */
  pathOf(location: string): string
  /** Repeats `attempt` while what it throws may pass. Throws WebHdfsFailure. */
  send<T>(attempt: (avoided: AvoidedDataNodes) => Promise<T>): Promise<T>
}

/** @param authorities those of its locations; any where it is left out */
export function createHdfsRequests(
  client: WebHdfsClient,
  retry: RetryContext,
  pathOf: (location: string) => string = (location) => hdfsPlaceOf(location).path,
): HdfsRequests {
  return {
    client,
    retry,
    pathOf,
    send: async (attempt) => {
      const avoided: AvoidedDataNodes = new Set()
      return retryWithBackoff(retry, isHdfsPassing, () => attempt(avoided))
    },
  }
}

/** One try. Undefined where nothing is there, or where what should be a folder is a file. */
export async function askStatus(
  client: WebHdfsClient,
  path: string,
): Promise<HdfsStatus | undefined> {
  try {
    const status = parseFileStatus(await client.ask('GET', path, { op: 'GETFILESTATUS' }))
    if (status === undefined) throw notUnderstood('GETFILESTATUS')
    return status
  } catch (error) {
    if (isHdfsMissing(error)) return undefined
    throw error
  }
}

/** Undefined where there is no file. Throws as `FileIO.stat` does. */
export async function statHdfsFile(
  requests: HdfsRequests,
  location: string,
): Promise<FileStat | undefined> {
  const path = requests.pathOf(location)
  try {
    const found = await requests.send(() => askStatus(requests.client, path))
    if (found?.isFile !== true) return undefined
    return { location, sizeBytes: found.sizeBytes, modifiedMs: found.modifiedMs }
  } catch (error) {
    throw hdfsError(location, 'could not be looked at', 'Nothing is known of it', error)
  }
}

/** Throws as `FileIO.delete` does. */
export async function deleteHdfsFile(requests: HdfsRequests, location: string): Promise<void> {
  const path = requests.pathOf(location)
  try {
    await requests.send(() =>
      requests.client.ask('DELETE', path, { op: 'DELETE', recursive: false }),
    )
  } catch (error) {
    if (isHdfsMissing(error)) return
    throw hdfsError(location, 'could not be deleted', 'It may still be there', error)
  }
}

/** Every file below a folder, folder by folder and page by page. Throws as `FileIO.list` does. */
export async function* listHdfsFiles(
  requests: HdfsRequests,
  prefix: string,
): AsyncGenerator<FileStat> {
  requests.pathOf(prefix)
  const folders = [prefix.replace(/\/+$/, '')]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const status of listFolder(requests, folder)) {
      // A file that was asked for like a folder is listed as one entry without a name.
      if (status.name === '') continue
      const location = `${folder}/${status.name}`
      if (status.isFolder) folders.push(location)
      if (!status.isFile) continue
      yield { location, sizeBytes: status.sizeBytes, modifiedMs: status.modifiedMs }
    }
  }
}

async function* listFolder(requests: HdfsRequests, folder: string): AsyncGenerator<HdfsStatus> {
  const path = requests.pathOf(folder)
  let startAfter: string | undefined
  try {
    for (;;) {
      const listing = await requests.send(() => askListing(requests.client, path, startAfter))
      yield* listing.statuses
      startAfter = listing.statuses.at(-1)?.name
      if (!listing.hasMore || startAfter === undefined) return
    }
  } catch (error) {
    // It went while it was listed, or there was none.
    if (isHdfsMissing(error)) return
    throw hdfsError(folder, 'could not be listed', 'The listing is incomplete', error)
  }
}

/** One page; the whole folder from a server that knows no pages. */
async function askListing(
  client: WebHdfsClient,
  path: string,
  startAfter: string | undefined,
): Promise<{ readonly statuses: readonly HdfsStatus[]; readonly hasMore: boolean }> {
  const json = await client
    .ask('GET', path, { op: 'LISTSTATUS_BATCH', startAfter })
    .catch(async (error: unknown) => {
      const isUnknown = isHdfsReason(
        error,
        'IllegalArgumentException',
        'UnsupportedOperationException',
      )
      if (!isUnknown) throw error
      return client.ask('GET', path, { op: 'LISTSTATUS' })
    })
  const listing = parseListing(json)
  if (listing === undefined) throw notUnderstood('LISTSTATUS')
  return listing
}

/** A gateway's own page instead of an answer, for example. */
function notUnderstood(operation: string): WebHdfsFailure {
  return new WebHdfsFailure({
    server: 'namenode',
    host: operation,
    status: 200,
    reason: 'UnexpectedAnswer',
    detail: 'it does not say what was asked for',
  })
}
