import { SluiceError } from '../errors.ts'
import { hdfsError } from './hdfs-error.ts'
import { askStatus, type HdfsRequests } from './hdfs-requests.ts'
import { fileExists } from './location.ts'
import { isHdfsPassing, isHdfsReason, WebHdfsFailure } from './webhdfs-failure.ts'
import type { HttpBody } from './webhdfs-http.ts'
import type { HdfsStatus } from './webhdfs-json.ts'

/**
 * A file that was never finished or never got its name is `.sluice-<uuid>.tmp`, in the folder
 * where it was to be. It is listed like any other, so that the removal of orphans finds it.
 */
export const HDFS_TEMPORARY_NAME = /^\.sluice-[0-9a-f-]{36}\.tmp$/

/** Whether the name may be taken already; then the file that has it is replaced, as one step. */
export type HdfsWriteMode = 'create' | 'replace'

/** A whole file that has no name of its own yet. */
interface Upload {
  readonly path: string
  readonly status: HdfsStatus
}

/**
 * Writes a file so that its name is there only with all of its bytes:
 *
 *   CREATE of a name that nobody had -> its size is looked at -> RENAME
 *
 * CREATE alone would show a file from its first byte on, and a writer that died would keep the
 * name leased. RENAME without options refuses a taken name among all writers of the store.
 * Throws as `FileIO.write` does.
 */
export async function writeHdfsFile(
  requests: HdfsRequests,
  location: string,
  body: HttpBody,
  mode: HdfsWriteMode,
): Promise<void> {
  const path = requests.pathOf(location)
  const upload = await uploadAside(requests, location, path, body)
  try {
    await giveName(requests, location, path, upload, mode)
  } catch (error) {
    // Also where the name may have been given: the file has no longer this name then.
    await deleteQuietly(requests, upload.path)
    throw error
  }
}

/** Each try has a name of its own: a crashed or lost one may hold the lease of the last. */
async function uploadAside(
  requests: HdfsRequests,
  location: string,
  path: string,
  body: HttpBody,
): Promise<Upload> {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const sizeBytes = body instanceof Uint8Array ? body.length : body.sizeBytes
  try {
    return await requests.send(async (avoided) => {
      const aside = `${folder}/.sluice-${requests.retry.ids.uuid()}.tmp`
      try {
        await requests.client.create(aside, body, avoided)
        const status = await askStatus(requests.client, aside)
        if (status?.sizeBytes !== sizeBytes) throw otherSize(status?.sizeBytes, sizeBytes)
        return { path: aside, status }
      } catch (error) {
        await deleteQuietly(requests, aside)
        throw error
      }
    })
  } catch (error) {
    throw hdfsError(location, 'could not be written', 'The file is not there', error)
  }
}

async function giveName(
  requests: HdfsRequests,
  location: string,
  path: string,
  upload: Upload,
  mode: HdfsWriteMode,
): Promise<void> {
  const lost = { isAny: false }
  try {
    await requests.send(async () => {
      try {
        await rename(requests, upload.path, path, mode)
      } catch (error) {
        // The first answer is no doubt the answer to the one request; a later one may say what
        // an earlier request has done whose answer was lost.
        if (!lost.isAny && !isHdfsPassing(error)) throw error
        lost.isAny = true
        if (!(await isNamed(requests, location, path, upload))) throw error
      }
    })
  } catch (error) {
    if (isHdfsReason(error, 'FileAlreadyExistsException')) throw fileExists(location, error)
    const notDone = lost.isAny ? 'It may or may not be there' : 'The file is not there'
    throw hdfsError(location, 'could not be given its name', notDone, error)
  }
}

async function rename(
  requests: HdfsRequests,
  from: string,
  to: string,
  mode: HdfsWriteMode,
): Promise<void> {
  await requests.client.ask('PUT', from, {
    op: 'RENAME',
    destination: to,
    renameoptions: mode === 'create' ? 'NONE' : 'OVERWRITE',
  })
}

/** After a lost answer: true where the name is our file's, false where our file waits aside. */
async function isNamed(
  requests: HdfsRequests,
  location: string,
  path: string,
  upload: Upload,
): Promise<boolean> {
  const [named, aside] = [
    await askStatus(requests.client, path),
    await askStatus(requests.client, upload.path),
  ]
  if (aside !== undefined) return false
  if (named !== undefined && isSameFile(named, upload.status)) return true
  throw new SluiceError(
    'commit-state-unknown',
    `The answer to a rename to ${location} was lost, and the file is neither there nor at its ` +
      'old name. Somebody has replaced or deleted it since; read what is there and decide again.',
    { context: { location } },
  )
}

/** A file keeps its id and its time when it gets another name. */
function isSameFile(found: HdfsStatus, ours: HdfsStatus): boolean {
  if (found.fileId !== 0 && ours.fileId !== 0) return found.fileId === ours.fileId
  return found.sizeBytes === ours.sizeBytes && found.modifiedMs === ours.modifiedMs
}

/** One try: what stays is found by its name. */
async function deleteQuietly(requests: HdfsRequests, path: string): Promise<void> {
  const parameters = { op: 'DELETE', recursive: false }
  await requests.client.ask('DELETE', path, parameters).catch(() => undefined)
}

function otherSize(found: number | undefined, wanted: number): WebHdfsFailure {
  return new WebHdfsFailure({
    server: 'datanode',
    host: 'of the file',
    reason: 'WrongLength',
    detail: `${found ?? 'no'} bytes were kept of ${wanted}`,
  })
}
