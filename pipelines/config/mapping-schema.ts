import { z } from 'zod'
import { mappedTypes } from '../../shared-transforms/formats/mapped.ts'
import { mappedKinds, timeUnits, type MappedKind } from '../../shared-transforms/formats/mapping.ts'
import type { ColumnMapping } from '../sources/column-mapping.ts'

/** A name that can be a JSON path's step, or a cell from 1. */
const reference = z.union([
  z.int().min(1).max(100_000),
  z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^"\\\p{Cc}[\]]+$/u, 'must be a name without quotes, backslashes, brackets'),
])
/** Constants are parts of ids and texts, never of SQL. */
const text = z
  .string()
  .min(1)
  .max(128)
  .regex(/^\P{Cc}+$/u, 'must be text of one line')

/** Which column of a file is which column of silver. */
export const mappingSchema = z
  .strictObject({
    kind: z.enum(mappedKinds),
    /** Silver column to column of the file. */
    columns: z.record(z.string(), z.union([reference, z.array(reference).min(1).max(4)])),
    /** Silver column to what every row has there. */
    constants: z.record(z.string(), text).default({}),
    time: z.strictObject({
      unit: z.enum(timeUnits),
      /** Of texts that have no offset of their own. */
      zone: z.string().refine(isZone, 'must be a time zone: UTC or Area/City').optional(),
    }),
    sides: z
      .strictObject({ buy: z.array(text).default([]), sell: z.array(text).default([]) })
      .optional(),
    delimiter: z
      .string()
      .regex(/^[\t\x20-\x7e]$/, 'must be one ASCII character')
      .refine((one) => one !== '"', 'cannot be the quote')
      .optional(),
    header: z.boolean().optional(),
  })
  .superRefine((written, context) => {
    for (const { path, message } of problemsOf(written)) {
      context.addIssue({ code: 'custom', path: [...path], message })
    }
  })
  .transform((written): ColumnMapping => {
    const { header: hasHeader, time, sides, delimiter, ...rest } = written
    const { unit, zone } = time
    return {
      ...rest,
      time: zone === undefined ? { unit } : { unit, zone },
      ...(sides === undefined ? {} : { sides }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(hasHeader === undefined ? {} : { hasHeader }),
    }
  })

interface Written {
  readonly kind: MappedKind
  readonly columns: Readonly<Record<string, unknown>>
  readonly constants: Readonly<Record<string, string>>
  readonly time: { readonly unit: string; readonly zone?: string | undefined }
}

interface Problem {
  readonly path: readonly string[]
  readonly message: string
}

function problemsOf({ kind, columns, constants, time }: Written): Problem[] {
  const { prices, quantities, counts, required, asGiven, idColumn } = mappedTypes[kind]
  // What a kline is known by, and its end, follow from its start.
  const own = kind === 'kline' ? [] : [idColumn, `${kind}_seq`, ...asGiven]
  const known = ['venue', 'venue_symbol', 'event_ts', ...prices, ...quantities, ...counts, ...own]
  const problems: Problem[] = []
  for (const [where, names] of Object.entries({ columns, constants })) {
    for (const name of Object.keys(names)) {
      if (!known.includes(name)) {
        const message = `is no column of a ${kind}: ${known.join(', ')}`
        problems.push({ path: [where, name], message })
      }
      const isMany = where === 'columns' && Array.isArray(columns[name])
      if (isMany && name !== 'event_ts') {
        problems.push({
          path: [where, name],
          message: 'must be one column: only event_ts is joined',
        })
      }
    }
  }
  for (const name of Object.keys(columns)) {
    if (name in constants)
      problems.push({ path: ['constants', name], message: 'is in columns too' })
  }
  if ('event_ts' in constants) {
    problems.push({ path: ['constants', 'event_ts'], message: 'must be a column of the file' })
  }
  const isThere = (name: string) => name in columns || name in constants
  const needed = ['venue', 'venue_symbol', 'event_ts', ...(required === 'a-price' ? [] : required)]
  for (const name of needed.filter((one) => !isThere(one))) {
    problems.push({ path: ['columns'], message: `says nothing of ${name}, and constants neither` })
  }
  if (required === 'a-price' && !prices.some(isThere)) {
    problems.push({ path: ['columns'], message: `needs one of ${prices.join(', ')}` })
  }
  if (time.zone !== undefined && time.unit !== 'iso') {
    problems.push({ path: ['time', 'zone'], message: 'goes with unit iso: a number is in UTC' })
  }
  return problems
}

function isZone(zone: string): boolean {
  if (!/^(UTC|[A-Za-z]+(\/[A-Za-z0-9_+-]+)+)$/.test(zone)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
