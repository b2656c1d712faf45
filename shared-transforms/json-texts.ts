/** Texts to read out of a column of JSON. */
export interface JsonTexts {
  /** What follows FROM. */
  readonly relation: string
  /** The column with the JSON. */
  readonly json: string
  /** Case-sensitive. */
  readonly paths: readonly string[]
  /** Which rows are read at all; default all. */
  readonly only?: string
}
