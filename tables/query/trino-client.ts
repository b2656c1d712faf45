import type { QueryResult } from 'trino-client'
import type { RowStruct } from '../engine/row-value.ts'
import { SluiceError } from '../errors.ts'
import type { TrinoAddress } from './trino-connection.ts'
import { trinoPages, type TrinoWatch } from './trino-pages.ts'
import { trinoDecoder, type TrinoDecoder, type TrinoType } from './trino-value.ts'

export interface TrinoClientOptions extends TrinoAddress {
  /** A statement with more rows fails; default a million. Aggregate, or read in parts. */
  readonly maxRows?: number
}

/** A client of one Trino. It holds no connection: there is nothing to close. */
export interface TrinoClient {
  /** All rows of a statement, typed as `RowValue` says. Throws SluiceError. */
  rows<T = RowStruct>(sql: string, watch?: TrinoWatch): Promise<T[]>
  /** Runs a statement; how many rows it changed, undefined where Trino counts none. */
  run(sql: string, watch?: TrinoWatch): Promise<bigint | undefined>
}

const MAX_ROWS = 1_000_000

/**
 * A client over the npm package `trino-client`, which follows the pages of an answer but leaves
 * three things open: integers beyond 2^53 are rounded, a failed statement looks like an empty one,
 * and times are cut.
 */
export function createTrinoClient(options: TrinoClientOptions): TrinoClient {
  const maxRows = options.maxRows ?? MAX_ROWS
  return {
    rows: async <T>(sql: string, watch?: TrinoWatch) => {
      const rows: RowStruct[] = []
      let decoders: readonly NamedDecoder[] | undefined
      for await (const page of trinoPages(options, sql, watch)) {
        decoders ??= decodersOf(page)
        const known = decoders ?? []
        for (const values of (page.data ?? []) as readonly (readonly unknown[])[]) {
          if (rows.length === maxRows) throw tooManyRows(maxRows)
          rows.push(Object.fromEntries(known.map(([name, of], at) => [name, of(values[at])])))
        }
      }
      return rows as T[]
    },
    run: async (sql, watch) => {
      let count: unknown
      for await (const page of trinoPages(options, sql, watch)) {
        count = (page as { readonly updateCount?: unknown }).updateCount ?? count
      }
      return count === undefined ? undefined : BigInt(count as number | bigint)
    },
  }
}

type NamedDecoder = readonly [name: string, decode: TrinoDecoder]

function decodersOf(page: QueryResult): NamedDecoder[] | undefined {
  const columns = page.columns as
    readonly { readonly name: string; readonly typeSignature: TrinoType }[] | undefined
  return columns?.map(({ name, typeSignature }) => [name, trinoDecoder(typeSignature)])
}

function tooManyRows(maxRows: number): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The statement has more than ${maxRows} rows. None was returned. Aggregate in the ` +
      'statement, or read it in parts with OFFSET and LIMIT.',
  )
}
