/**
 * Where bytes live. A location is always a full URI (`file:///…`, `memory://…`, `s3://…`).
 * The core is small; what a store can do beyond it is said by `capabilities`, and a missing
 * capability is refused (`unsupported`), never quietly replaced.
 */
export interface FileIO {
  /** Of the locations that it has, without the colon: `file`, `s3`. */
  readonly schemes: readonly string[]
  readonly capabilities: FileIOCapabilities

  /** Whole content, or `length` bytes from `offset`. Throws `corrupt-data` where it is missing. */
  read(
    location: string,
    range?: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array>

  /**
   * Creates a file and returns once it is durable (bytes and directory entry). Parents are made.
   * With `ifAbsent`, atomic: where the file exists, throws `commit-conflict` and writes nothing.
   */
  write(
    location: string,
    bytes: Uint8Array,
    options?: { readonly ifAbsent?: boolean },
  ): Promise<void>

  /** Takes over a finished local file (made by the engine) as `location`; durable on return. */
  adopt(localPath: string, location: string): Promise<{ readonly sizeBytes: number }>

  /** Deletes; a missing file is no error. */
  delete(location: string): Promise<void>

  /** Undefined where it is missing. */
  stat(location: string): Promise<FileStat | undefined>

  /** Every file below a prefix (a folder's location), in no order. */
  list(prefix: string): AsyncIterable<FileStat>

  /**
   * A path that the engine can open for reading: the file itself where it is local, else a copy
   * on this machine's disk, which must then have `sizeBytes` where they are said. Throws
   * `corrupt-data` where it is missing.
   */
  localPath(location: string, sizeBytes?: number): Promise<string>
}

export interface FileIOCapabilities {
  /** `write(…, {ifAbsent: true})` is atomic among all writers of the store. */
  readonly createIfAbsent: boolean
}

export interface FileStat {
  readonly location: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}
