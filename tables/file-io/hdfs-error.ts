import { SluiceError } from '../errors.ts'
import { isHdfsPassing, isHdfsReason, WebHdfsFailure } from './webhdfs-failure.ts'

/**
 * What a FileIO throws where a request to HDFS failed for good.
 * @param what what could not be done with the location
 * @param notDone what the caller can rely on
 */
export function hdfsError(
  location: string,
  what: string,
  notDone: string,
  error: unknown,
): SluiceError {
  if (error instanceof SluiceError) return error
  const cause = error instanceof WebHdfsFailure ? error.message : String(error)
  return new SluiceError(
    'storage-unavailable',
    `${location} ${what} (${cause}). ${notDone}; ${whatToDo(error)}.`,
    { cause: error, isRetryable: isHdfsPassing(error), context: { location } },
  )
}

function whatToDo(error: unknown): string {
  if (isHdfsReason(error, 'SafeModeException')) {
    return 'HDFS is in safe mode and takes no changes: wait until it leaves it, or see why by "hdfs dfsadmin -safemode get"'
  }
  if (isHdfsReason(error, 'StandbyException')) {
    return 'no NameNode that is configured is active: name all of them, and see which one should be'
  }
  if (isHdfsReason(error, 'InvalidToken', 'AuthenticationException')) {
    return 'HDFS does not believe who is asking: get a new delegation token, or set the user'
  }
  if (isHdfsReason(error, 'AccessControlException', 'SecurityException')) {
    return 'HDFS refuses the user: set another one, or change the permissions'
  }
  if (error instanceof WebHdfsFailure && error.status === undefined) {
    const name = error.server === 'namenode' ? 'NameNode' : 'DataNode'
    return `check that this ${name} runs and can be reached from here, then try again`
  }
  return 'check HDFS, then try again'
}
