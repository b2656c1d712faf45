import type { QueryResult } from 'trino-client'
import type { ResultColumn } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import { SluiceError } from '../errors.ts'
import { cutOfResult, readAtOneCut, snapshotInCut } from './choose-cut.ts'
import type { CutParts, LakeQueryOptions } from './choose-cut.ts'
import type { LakeQueryResult } from './lake-query.ts'
import { pinTrinoTables } from './pin-trino-tables.ts'
import type { PinnedStatement } from './pin-trino-tables.ts'
import { createTableLookup } from './table-lookup.ts'
import { lineAndColumn, offsetOf } from './text-edits.ts'
import type { TrinoAddress } from './trino-connection.ts'
import { trinoPages } from './trino-pages.ts'
import type { TrinoWatch } from './trino-pages.ts'
import { readTrinoStatement } from './trino-statement.ts'
import { resultTypeOf, trinoDecoder, trinoResultDecoder } from './trino-value.ts'
import type { TrinoDecoder, TrinoType } from './trino-value.ts'
import { trinoValueType } from './trino-value-type.ts'

export interface TrinoQueryParts extends CutParts {
  /** `catalog` is what the lake is called in this Trino. */
  readonly trino: TrinoAddress & { readonly catalog: string }
}

export interface TrinoQuery {
  /**
   * Runs one statement that reads, in Trino's SQL. Tables are read at one cut, the newest unless
   * the options say another. Throws as `LakeQuery`, and what Trino refuses in Trino's words.
   */
  query(sql: string, options?: LakeQueryOptions, watch?: TrinoWatch): Promise<LakeQueryResult>
}

/** Statements over the tables of a catalog by a Trino that sees the same catalog. */
export function createTrinoQuery(parts: TrinoQueryParts): TrinoQuery {
  return {
    query: async (sql, options = {}, watch = {}) => {
      const statement = readTrinoStatement(sql)
      const isAsked = options.cut !== undefined || options.asOf !== undefined
      if (statement.isAboutTables) {
        if (isAsked) throw aboutNow()
        return runStatement(parts, unpinned(statement.text), sql, options, watch)
      }
      const { read: pinned, cut } = await readAtOneCut(parts, options, (cut) =>
        pinTrinoTables(
          {
            lookup: createTableLookup(parts.catalog),
            trinoCatalog: parts.trino.catalog,
            choose: (table) => snapshotInCut(table, cut, parts.cutsTable),
            isAsked,
          },
          statement.text,
          statement.tokens,
        ),
      )
      const result = await runStatement(parts, pinned, sql, options, watch)
      return { ...result, ...cutOfResult(cut) }
    },
  }
}

function unpinned(text: string): PinnedStatement {
  return { text, originalOf: (offset) => offset, snapshots: new Map() }
}

async function runStatement(
  { trino }: TrinoQueryParts,
  statement: PinnedStatement,
  sql: string,
  { values }: LakeQueryOptions,
  watch: TrinoWatch,
): Promise<LakeQueryResult> {
  const decoderOf = values === 'exact' ? exactDecoder : readableDecoder
  const inOwnWords = (error: unknown) => withOwnPlaces(error, statement, sql)
  const pages = trinoPages(trino, statement.text, watch)
  const first = await pages.next().catch(inOwnWords)
  const columns = columnsOf(first.value as QueryResult | undefined)
  return {
    columns: columns.map(({ name, typeSignature }) => ({
      name,
      type: resultTypeOf(typeSignature),
      valueType: trinoValueType(typeSignature),
    })),
    rows: readRows(first, pages, columns, decoderOf, inOwnWords),
    snapshots: statement.snapshots,
    close: async () => {
      await pages.return(undefined)
    },
  }
}

interface TrinoColumn extends Pick<ResultColumn, 'name'> {
  readonly typeSignature: TrinoType
}

function columnsOf(page: QueryResult | undefined): readonly TrinoColumn[] {
  return (page?.columns ?? []) as unknown as readonly TrinoColumn[]
}

async function* readRows(
  first: IteratorResult<QueryResult, unknown>,
  pages: AsyncGenerator<QueryResult>,
  columns: readonly TrinoColumn[],
  decoderOf: (column: TrinoColumn) => TrinoDecoder,
  inOwnWords: (error: unknown) => never,
): AsyncGenerator<readonly RowValue[]> {
  let decoders: readonly TrinoDecoder[] = columns.map((each) => decoderOf(each))
  try {
    let next = first
    while (next.done !== true) {
      if (decoders.length === 0) decoders = columnsOf(next.value).map((each) => decoderOf(each))
      for (const values of (next.value.data ?? []) as readonly (readonly unknown[])[]) {
        yield decoders.map((decode, index) => decode(values[index]))
      }
      next = await pages.next().catch(inOwnWords)
    }
  } finally {
    await pages.return(undefined)
  }
}

function readableDecoder({ typeSignature }: TrinoColumn): TrinoDecoder {
  return trinoResultDecoder(typeSignature)
}

function exactDecoder({ typeSignature }: TrinoColumn): TrinoDecoder {
  return trinoDecoder(typeSignature)
}

/** Trino counts lines and columns in the text that it was sent; the user knows another one. */
function withOwnPlaces(error: unknown, statement: PinnedStatement, sql: string): never {
  if (!(error instanceof SluiceError)) throw error
  const message = error.message.replace(
    /\bline (\d+):(\d+)(?=: )/g,
    (_, line: string, column: string) => {
      const sent = offsetOf(statement.text, Number(line), Number(column))
      return `line ${lineAndColumn(sql, statement.originalOf(sent)).join(':')}`
    },
  )
  const { kind, isRetryable, cause } = error
  const context = { ...error.context, sql }
  throw new SluiceError(kind, message, { cause, isRetryable, context })
}

function aboutNow(): SluiceError {
  return new SluiceError(
    'invalid-input',
    'SHOW and DESCRIBE tell of tables as they are now. Nothing was read. Leave the cut out.',
  )
}
