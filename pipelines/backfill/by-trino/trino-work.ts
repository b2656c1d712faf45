import type { Format } from '../../../shared-transforms/formats/format.ts'
import { tableOfModel, type HasModel } from '../../../shared-transforms/lake-model.ts'
import { sqlString } from '../../../tables/engine/sql-text.ts'
import type { Instrument } from '../../loop/instruments.ts'
import type { ScratchRun } from './scratch-run.ts'
import type { TrinoSession } from './trino-session.ts'

/** What the statements of a cut work with. */
export interface TrinoWork extends HasModel {
  readonly trino: TrinoSession
  readonly run: ScratchRun
  readonly format: Format
  readonly instruments: readonly Instrument[]
  /** A scratch table by its short name, as Trino spells it. */
  readonly scratch: (name: string) => string
  /** A table of the lake at the head that the cut is derived from; undefined: it has no rows. */
  readonly atHead: (table: string) => string | undefined
}

/** Makes a scratch table of a query. */
export async function make(
  { trino, run, scratch }: TrinoWork,
  name: string,
  purpose: string,
  query: () => string,
): Promise<void> {
  const location = sqlString(run.location(name))
  await trino.run(
    purpose,
    `CREATE TABLE ${scratch(name)} WITH (location = ${location}) AS ${query()}`,
  )
}

/** The columns that a table of the lake is declared with. */
export function columnNames({ model }: HasModel, table: string): readonly string[] {
  return tableOfModel(model, table)?.columns.map(({ name }) => name) ?? []
}
