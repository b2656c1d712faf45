import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBInstance,
  HUGEINT,
  INTEGER,
  SQLNULL,
  VARCHAR,
} from '@duckdb/node-api'
import type {
  DuckDBConnection,
  DuckDBMaterializedResult,
  DuckDBType,
  DuckDBValue,
} from '@duckdb/node-api'
import { engineError } from './engine-error.ts'
import { createCatalogWatch, createKeptPlans, KEPT_PLANS_SETTING } from './kept-plans.ts'
import type { CatalogVersion } from './kept-plans.ts'
import { toRowValue } from './row-value.ts'
import type { RowValue } from './row-value.ts'
import { sqlStrings } from './sql-text.ts'
import { streamRows } from './stream-rows.ts'
import type { ValueType } from './value-type.ts'

/** What an engine may take of the machine. */
export interface EngineLimits {
  /** Default: as many as there are processors for this process. */
  readonly threads?: number | undefined
  /**
   * Of its tables and operators, as DuckDB writes it: `512MB`. What is more is spilled into the
   * scratch folder. Default: the engine's own (80% of the machine).
   */
  readonly memoryLimit?: string | undefined
}

export interface EngineSettings extends EngineLimits {
  /** Where the engine spills and where callers put their own files. Made if it is missing. */
  readonly scratchDir: string
  /**
   * For sessions that run SQL of users: the only folders that the engine may open. With it every
   * other file, the network, extensions and changes of settings are refused by the engine itself.
   */
  readonly allowedDirectories?: readonly string[]
}

export type BindValue = null | boolean | number | bigint | string | Uint8Array

export interface ResultColumn {
  readonly name: string
  /** DuckDB's type as text: `DECIMAL(18,8)`, `TIMESTAMP WITH TIME ZONE`. */
  readonly type: string
}

export interface TypedColumn extends ResultColumn {
  readonly valueType: ValueType
}

/** A result that is read in blocks of about 2,000 rows, never held as a whole. */
export interface RowStream {
  readonly columns: readonly TypedColumn[]
  /** Throws where the statement fails on its way: rows that came before it are not all. */
  readonly blocks: AsyncIterable<readonly (readonly RowValue[])[]>
  /** For a caller that does not read the rows. Harmless after them. */
  close(): Promise<void>
}

/** One connection. Temp tables live in it. One statement at a time: await each call. */
export interface Session {
  run(sql: string): Promise<void>
  /**
   * As `run`, keeping the plan: for one text that is run again and again. An engine for users' SQL
   * keeps none.
   */
  runKept(sql: string): Promise<void>
  /** As `rows`, keeping the plan. */
  rowsKept<T>(sql: string): Promise<T[]>
  /** All rows, by column name; values as `RowValue` says. The caller names the row's type. */
  rows<T>(sql: string, values?: readonly BindValue[]): Promise<T[]>
  /**
   * The rows as they are computed; `convert` takes the place of `toRowValue`. The session runs
   * nothing else until the last row is read.
   */
  stream(sql: string, convert?: (value: DuckDBValue) => RowValue): Promise<RowStream>
  /** Stops the statement that is running; its call rejects. */
  interrupt(): void
  /** A statement that somebody did not wait for is stopped, and the session closed once it ended. */
  close(): void
}

export interface Engine {
  readonly scratchDir: string
  connect(): Promise<Session>
  /** Stops what still runs in its sessions, and resolves once nothing can write files any more. */
  close(): Promise<void>
}

/**
 * One DuckDB in memory. UTC; no extension is looked for, loaded or fetched. Errors of statements:
 * `storage-unavailable` where a file cannot be read or written, else `invalid-input`.
 */
export async function createEngine(settings: EngineSettings): Promise<Engine> {
  const spillDirectory = join(settings.scratchDir, 'spill')
  await mkdir(spillDirectory, { recursive: true })
  const options: Record<string, string> = {
    threads: String(settings.threads ?? availableParallelism()),
    temp_directory: spillDirectory,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  }
  if (settings.memoryLimit !== undefined) options.memory_limit = settings.memoryLimit
  const instance = await DuckDBInstance.create(':memory:', options)
  const connection = await instance.connect()
  await connection.run("SET GLOBAL TimeZone='UTC'")
  const keepsPlans = settings.allowedDirectories === undefined
  if (keepsPlans) await connection.run(KEPT_PLANS_SETTING)
  if (settings.allowedDirectories !== undefined) {
    await lockDown(connection, [...settings.allowedDirectories, settings.scratchDir])
  }
  connection.closeSync()
  const open = new Set<OpenSession>()
  const catalog = keepsPlans ? { current: 0 } : undefined
  return {
    scratchDir: settings.scratchDir,
    connect: async () => {
      const connected = await instance.connect()
      const opened = createSession(connected, catalog)
      open.add(opened)
      void opened.closed.then(() => open.delete(opened))
      return opened.session
    },
    close: async () => {
      const ends = [...open].map(({ closed }) => closed)
      for (const { session } of open) session.close()
      await Promise.all(ends)
      instance.closeSync()
    },
  }
}

/** Last step of the set-up: after it the engine takes no setting at all, not even ours. */
async function lockDown(
  connection: DuckDBConnection,
  directories: readonly string[],
): Promise<void> {
  const folders = directories.map((folder) => (folder.endsWith('/') ? folder : `${folder}/`))
  await connection.run(`SET allowed_directories=${sqlStrings(folders)}`)
  await connection.run('SET enable_external_access=false')
  await connection.run('SET lock_configuration=true')
}

interface OpenSession {
  readonly session: Session
  /** Resolves once it is closed and its last statement has ended. */
  readonly closed: Promise<void>
}

/** @param catalog of the engine; undefined: the session keeps no plans. */
function createSession(
  connection: DuckDBConnection,
  catalog: CatalogVersion | undefined,
): OpenSession {
  let isInterrupted = false
  const plans = catalog === undefined ? undefined : createKeptPlans(connection, catalog)
  const noteRun = catalog === undefined ? () => undefined : createCatalogWatch(catalog)
  const statements = createStatementCount(() => {
    plans?.close()
    connection.closeSync()
  })
  const execute = (sql: string): Promise<DuckDBMaterializedResult> =>
    statements.count(async () =>
      plans === undefined ? connection.run(sql) : (await plans.prepare(sql)).run(),
    )
  const session: Session = {
    runKept: async (sql) => {
      try {
        await execute(sql)
      } catch (error) {
        throw engineError(error, sql)
      }
    },
    rowsKept: async <T>(sql: string) => {
      try {
        const result = await execute(sql)
        return (await result.convertRowObjects(toRowValue)) as T[]
      } catch (error) {
        throw engineError(error, sql)
      }
    },
    run: async (sql) => {
      try {
        await statements.count(() => connection.run(sql))
      } catch (error) {
        throw engineError(error, sql)
      } finally {
        noteRun(sql)
      }
    },
    rows: async <T>(sql: string, values?: readonly BindValue[]) => {
      try {
        const result = await statements.count(() =>
          values === undefined
            ? connection.run(sql)
            : connection.run(sql, values.map(toBindable), values.map(bindType)),
        )
        return (await result.convertRowObjects(toRowValue)) as T[]
      } catch (error) {
        throw engineError(error, sql)
      }
    },
    stream: (sql, convert = toRowValue) => {
      isInterrupted = false
      return streamRows(connection, { sql, convert, isInterrupted: () => isInterrupted })
    },
    interrupt: () => {
      isInterrupted = true
      connection.interrupt()
    },
    close: () => {
      statements.closeAfterLast(() => connection.interrupt())
    },
  }
  return { session, closed: statements.closed }
}

/** A statement that waits for a thread cannot hear an interrupt: it is told again, so often. */
const INTERRUPT_EVERY_MS = 20

/**
 * Counts the statements that run. A connection that is closed under one never ends it: the engine's
 * thread takes the connection down with its own lock held, and waits for itself.
 */
function createStatementCount(closeConnection: () => void) {
  let running = 0
  let isClosing = false
  let isClosed = false
  let interrupting: NodeJS.Timeout | undefined
  let resolveClosed: () => void
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve
  })
  const closeIfLast = () => {
    if (!isClosing || running > 0 || isClosed) return
    isClosed = true
    clearInterval(interrupting)
    closeConnection()
    resolveClosed()
  }
  return {
    closed,
    count: async <T>(statement: () => Promise<T>): Promise<T> => {
      // The work that somebody gave up must not begin another statement before the last has ended.
      if (isClosing) throw new Error('The session is closed.')
      running += 1
      try {
        return await statement()
      } finally {
        running -= 1
        closeIfLast()
      }
    },
    closeAfterLast: (interrupt: () => void) => {
      if (isClosing) return
      isClosing = true
      if (running > 0) {
        interrupt()
        interrupting = setInterval(interrupt, INTERRUPT_EVERY_MS)
      }
      closeIfLast()
    },
  }
}

function toBindable(value: BindValue): DuckDBValue {
  return value instanceof Uint8Array ? new DuckDBBlobValue(value) : value
}

const INT32_MAX = 2 ** 31 - 1
const INT64_MAX = 2n ** 63n - 1n

/** bigint binds as BIGINT where it fits: HUGEINT would keep filters from reaching the scan. */
function bindType(value: BindValue): DuckDBType {
  if (value === null) return SQLNULL
  if (typeof value === 'boolean') return BOOLEAN
  if (typeof value === 'string') return VARCHAR
  if (typeof value === 'bigint') {
    return value <= INT64_MAX && value >= -INT64_MAX - 1n ? BIGINT : HUGEINT
  }
  if (typeof value !== 'number') return BLOB
  if (!Number.isSafeInteger(value)) return DOUBLE
  return Math.abs(value) <= INT32_MAX ? INTEGER : BIGINT
}
