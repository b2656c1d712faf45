import { SluiceError } from '../../tables/errors.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'

export type FileOperation = 'read' | 'write' | 'adopt' | 'delete' | 'stat' | 'localPath' | 'list'

/** One thing that goes wrong. */
export interface PlannedFault {
  readonly operation: FileOperation
  /** The how many-th call of the operation that matches, from 1; all of them where absent. */
  readonly nth?: number
  /** Only locations that match; every one where absent. */
  readonly location?: RegExp
  /**
   * `before`: the call fails and was not carried out. `after`: it was, and fails all the same.
   * `short`: a read returns one byte too few, as a broken store does. `slow`: it waits first.
   */
  readonly how: 'before' | 'after' | 'short' | 'slow'
}

export interface FaultyFileIO extends FileIO {
  /** Faults that have struck, in order. */
  readonly struck: readonly PlannedFault[]
}

export interface FaultyOptions {
  readonly faults: readonly PlannedFault[]
  /** What a slow call waits for. */
  readonly wait?: () => Promise<void>
}

/** Wraps a FileIO whose calls fail as planned. With an empty plan it is the store itself. */
export function createFaultyFileIO(inner: FileIO, options: FaultyOptions): FaultyFileIO {
  const counts = new Map<PlannedFault, number>()
  const struck: PlannedFault[] = []

  function strike(operation: FileOperation, location: string): PlannedFault | undefined {
    let found: PlannedFault | undefined
    for (const fault of options.faults) {
      if (fault.operation !== operation || fault.location?.test(location) === false) continue
      const count = (counts.get(fault) ?? 0) + 1
      counts.set(fault, count)
      if (fault.nth === undefined || fault.nth === count) found ??= fault
    }
    if (found !== undefined) struck.push(found)
    return found
  }

  async function run<T>(
    operation: FileOperation,
    location: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const how = strike(operation, location)?.how
    if (how === 'before') throw fault(operation, location)
    if (how === 'slow') await options.wait?.()
    const result = await work()
    if (how === 'after') throw fault(operation, location)
    return how === 'short' && result instanceof Uint8Array ? (result.subarray(0, -1) as T) : result
  }

  return {
    schemes: inner.schemes,
    capabilities: inner.capabilities,
    struck,
    read: (location, range) => run('read', location, () => inner.read(location, range)),
    write: (location, bytes, how) =>
      run('write', location, () => inner.write(location, bytes, how)),
    adopt: (path, location) => run('adopt', location, () => inner.adopt(path, location)),
    delete: (location) => run('delete', location, () => inner.delete(location)),
    stat: (location) => run('stat', location, () => inner.stat(location)),
    localPath: (location, sizeBytes) =>
      run('localPath', location, () => inner.localPath(location, sizeBytes)),
    list: async function* (prefix) {
      const how = strike('list', prefix)?.how
      if (how === 'before') throw fault('list', prefix)
      if (how === 'slow') await options.wait?.()
      yield* inner.list(prefix)
      if (how === 'after') throw fault('list', prefix)
    },
  }
}

function fault(operation: FileOperation, location: string): SluiceError {
  return new SluiceError('storage-unavailable', `planned fault: ${operation} of ${location}`, {
    isRetryable: true,
  })
}
