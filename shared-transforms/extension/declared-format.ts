import type { Format } from '../formats/format.ts'
import { createRecordFormat } from '../formats/mapped.ts'
import type { FieldPlace } from '../formats/mapping.ts'
import { sqlLiteral } from '../sql-literal.ts'
import { typedKindOf } from './declared-kind.ts'
import type { DeclaredFormat, DeclaredKind } from './lake-extension.ts'

/** The format of lines that a declaration reads. */
export function formatOfDeclared(declared: DeclaredFormat, kind: DeclaredKind): Format {
  const { name, version, file, columns, constants = {}, time, header, delimiter = ',' } = declared
  const place = (key: string): FieldPlace =>
    file === 'csv'
      ? { cell: (header ?? []).indexOf(key) + 1 }
      : {
          path: `$${key
            .split('.')
            .map((step) => `."${step}"`)
            .join('')}`,
        }
  const { event_ts: timeKey = '', ...others } = columns
  const fields = {
    ...Object.fromEntries(Object.entries(others).map(([column, key]) => [column, place(key)])),
    ...Object.fromEntries(
      Object.entries(constants).map(([column, constant]) => [column, { constant }]),
    ),
  }
  const headerLine = header?.join(delimiter)
  return createRecordFormat({
    ...{ name, version, file },
    typed: typedKindOf(kind),
    id: kind.identity === 'time' ? 'time' : 'field',
    isIgnoredSql:
      headerLine === undefined ? 'false' : `coalesce(payload = ${sqlLiteral(headerLine)}, false)`,
    mapping: {
      fields,
      time: { places: [place(timeKey)], ...time },
      ...(header === undefined
        ? {}
        : { csv: { delimiter, width: header.length, hasHeader: true } }),
    },
  })
}
