import { z } from 'zod'

/** What HDFS says of a file or folder. */
export interface HdfsStatus {
  /** Below the listed folder; empty where the path itself was asked for. */
  readonly name: string
  readonly isFile: boolean
  readonly isFolder: boolean
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Stays the same when the file gets another name. 0 where the server does not say it. */
  readonly fileId: number
}

const remoteException = z.object({
  RemoteException: z.object({
    exception: z.string(),
    javaClassName: z.string().optional(),
    message: z.string().nullish(),
  }),
})

const fileStatus = z.object({
  pathSuffix: z.string(),
  type: z.string(),
  length: z.number(),
  modificationTime: z.number(),
  fileId: z.number().optional(),
})

const fileStatuses = z.object({ FileStatuses: z.object({ FileStatus: z.array(fileStatus) }) })

const page = z.object({
  DirectoryListing: z.object({ partialListing: fileStatuses, remainingEntries: z.number() }),
})

/** The Java class and the message of an error's body; `Error` and nothing where it has none. */
export function parseRemoteException(text: string): {
  readonly reason: string
  readonly message: string
} {
  const parsed = remoteException.safeParse(jsonOf(text))
  if (!parsed.success) return { reason: 'Error', message: '' }
  const { exception, javaClassName, message } = parsed.data.RemoteException
  // `SecretManager$InvalidToken` is told apart by its class alone.
  const className = javaClassName?.split(/[.$]/).at(-1)
  return { reason: className ?? exception, message: message ?? '' }
}

/** The address that a NameNode sends a client on to, where its answer holds one. */
export function parseLocation(text: string): string | undefined {
  return z.object({ Location: z.string() }).safeParse(jsonOf(text)).data?.Location
}

/** Of GETFILESTATUS. Undefined where it is something else. */
export function parseFileStatus(json: unknown): HdfsStatus | undefined {
  const parsed = z.object({ FileStatus: fileStatus }).safeParse(json)
  return parsed.success ? statusOf(parsed.data.FileStatus) : undefined
}

/** Of LISTSTATUS_BATCH or LISTSTATUS. Undefined where it is something else. */
export function parseListing(
  json: unknown,
): { readonly statuses: readonly HdfsStatus[]; readonly hasMore: boolean } | undefined {
  const paged = page.safeParse(json)
  if (paged.success) {
    const { partialListing, remainingEntries } = paged.data.DirectoryListing
    const statuses = partialListing.FileStatuses.FileStatus.map(statusOf)
    return { statuses, hasMore: remainingEntries > 0 }
  }
  const whole = fileStatuses.safeParse(json)
  if (!whole.success) return undefined
  return { statuses: whole.data.FileStatuses.FileStatus.map(statusOf), hasMore: false }
}

function statusOf(status: z.infer<typeof fileStatus>): HdfsStatus {
  return {
    name: status.pathSuffix,
    isFile: status.type === 'FILE',
    isFolder: status.type === 'DIRECTORY',
    sizeBytes: status.length,
    modifiedMs: status.modificationTime,
    fileId: status.fileId ?? 0,
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
