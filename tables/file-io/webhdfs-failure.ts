/** Who failed: what a DataNode says of its peers another DataNode may not say. */
export type WebHdfsServer = 'namenode' | 'datanode'

export interface WebHdfsFailureFacts {
  readonly server: WebHdfsServer
  /** Host and port; never a whole address, which may hold a token. */
  readonly host: string
  /** HTTP status, where there was an answer. */
  readonly status?: number | undefined
  /** Simple name of the Java class of HDFS's RemoteException, or a code of the network. */
  readonly reason: string
  readonly detail: string
  readonly cause?: unknown
}

/** A WebHDFS request that did not do what it was for. Never leaves the store's own files. */
export class WebHdfsFailure extends Error {
  readonly server: WebHdfsServer
  readonly host: string
  readonly status: number | undefined
  readonly reason: string

  constructor(facts: WebHdfsFailureFacts) {
    const { server, host, status, reason, detail, cause } = facts
    const where = server === 'namenode' ? 'NameNode' : 'DataNode'
    const how = status === undefined ? reason : `${status} ${reason}`
    super(`${where} ${host}: ${how}${detail === '' ? '' : `: ${detail}`}`, { cause })
    this.name = 'WebHdfsFailure'
    this.server = server
    this.host = host
    this.status = status
    this.reason = reason
  }
}

/** True for a failure whose reason is one of these. */
export function isHdfsReason(error: unknown, ...reasons: readonly string[]): boolean {
  return error instanceof WebHdfsFailure && reasons.includes(error.reason)
}

/** True where a path is not there: also where what should be a folder on its way is a file. */
export function isHdfsMissing(error: unknown): boolean {
  if (isHdfsReason(error, 'FileNotFoundException', 'ParentNotDirectoryException')) return true
  const isAccess = isHdfsReason(error, 'AccessControlException')
  return isAccess && /\(is not a directory\)/.test(String(error))
}

/** True where the same request may succeed later, or at another server. */
export function isHdfsPassing(error: unknown): boolean {
  if (!(error instanceof WebHdfsFailure)) return false
  const { status, reason } = error
  // No answer at all, or one that broke off.
  if (status === undefined || status < 300) return true
  if (status >= 500 || status === 429 || status === 408) return true
  return PASSING_REASONS.has(reason) || PASSING_DETAILS.test(error.message)
}

/** True where this NameNode cannot serve and another one may. */
export function isOtherNameNodeBetter(error: unknown): boolean {
  if (!(error instanceof WebHdfsFailure) || error.server !== 'namenode') return false
  if (error.status === undefined || error.status >= 500) return true
  return STANDBY_REASONS.has(error.reason)
}

const STANDBY_REASONS: ReadonlySet<string> = new Set([
  'StandbyException',
  'ObserverRetryOnActiveException',
])

/** What both servers hand on where they wait for each other or for a peer, as 403. */
const PASSING_REASONS: ReadonlySet<string> = new Set([
  ...STANDBY_REASONS,
  'SafeModeException',
  'RetriableException',
  'RetryStartFileException',
  'NotReplicatedYetException',
  'LeaseExpiredException',
  'BlockMissingException',
  'ConnectException',
  'ConnectTimeoutException',
  'SocketException',
  'SocketTimeoutException',
  'NoRouteToHostException',
  'EOFException',
])

/** Plain IOExceptions of HDFS that pass once a DataNode is back. */
const PASSING_DETAILS =
  /could only be (written|replicated) to|Failed to find datanode|No active nodes contain|Could not obtain block|Unable to close file/
