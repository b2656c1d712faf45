/** What every sink is told. */
interface SinkRows {
  /** Of the sink's position in the lake: letters, digits, dot, underscore, hyphen. */
  readonly name: string
  /** Dotted name of a table of the lake. */
  readonly table: string
  /** An SQL condition on the table's columns; absent: every row. */
  readonly where?: string
  /** Where a sink without a position begins: with the rows of later cuts, or with all there are. */
  readonly start: 'earliest' | 'latest'
}

/** An object a row, a line each, on standard output. */
export interface ConsoleSinkSettings extends SinkRows {
  readonly type: 'console'
}

/** A message a row in a topic of the brokers that are read too. */
export interface KafkaSinkSettings extends SinkRows {
  readonly type: 'kafka'
  readonly topic: string
}

/** Parquet files in folders `<folder>/<table>/date=YYYY-MM-DD/`. */
export interface ParquetSinkSettings extends SinkRows {
  readonly type: 'parquet'
  /** An absolute path of this machine. */
  readonly folder: string
}

export type SinkSettings = ConsoleSinkSettings | KafkaSinkSettings | ParquetSinkSettings
