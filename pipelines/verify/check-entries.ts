import { fileNameOf } from '../../tables/file-io/location.ts'
import { SluiceError } from '../../tables/errors.ts'
import { readBound } from '../../tables/scan/read-bound.ts'
import type { ScanPlan, ScanTask } from '../../tables/scan/plan-scan.ts'
import type { PartitionField, PartitionValue } from '../../tables/spec/partition-spec.ts'
import { partitionType } from '../../tables/spec/partition-type.ts'
import type { PrimitiveType } from '../../tables/spec/schema.ts'
import { sqlName } from '../../tables/engine/sql-text.ts'
import { specById } from '../../tables/write/current-layout.ts'
import { literalSql } from '../../tables/write/literal-sql.ts'
import { transformSql } from '../../tables/write/transform-sql.ts'
import { planRelation } from '../loop/loop-context.ts'
import type { BrokenFiles } from './broken-files.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { planReadable } from './readable-rows.ts'

/**
 * Whether what the manifests say of each live data file is so: its number of rows and of nulls in
 * each column, that no value lies outside of the bounds, and that all rows belong to its partition.
 * Readers leave out files by all of these. Every row of every file is read for it.
 */
export async function checkEntries(pinned: PinnedLake, broken: BrokenFiles): Promise<CheckResult> {
  const findings: Finding[] = []
  let checkedCount = 0
  for (const name of pinned.tables.keys()) {
    const plan = await planReadable(pinned, broken, name)
    for (const task of plan?.tasks ?? []) {
      if (plan === undefined) continue
      checkedCount += 1
      const facts = await wrongFacts(pinned, plan, task)
      if (facts.length > 0 && findings.length < FINDINGS_MAX) {
        findings.push(entryFinding(name, task, facts))
      }
    }
  }
  return { name: 'entries', checkedCount, unit: 'data files', findings, notes: [] }
}

interface Test {
  /** An aggregate that is 0 where all is well. */
  readonly sql: string
  readonly fact: (count: bigint) => string
}

async function wrongFacts(
  { lake, session }: PinnedLake,
  plan: ScanPlan,
  task: ScanTask,
): Promise<string[]> {
  // The entry tells of all rows that were written, deleted ones too.
  const whole = { ...task, deletes: [], equalityDeletes: [] }
  const rows = await planRelation(lake, { ...plan, tasks: [whole] })
  const tests = [countTest(task), ...columnTests(plan, task), ...partitionTests(plan, task)]
  const columns = tests.map(({ sql }, index) => `${sql} AS t${index}`)
  const [row] = await session.rows<Record<string, bigint>>(
    `SELECT ${columns.join(', ')} FROM ${rows}`,
  )
  return tests.flatMap(({ fact }, index) => {
    const count = row?.[`t${index}`] ?? 0n
    return count === 0n ? [] : [fact(count)]
  })
}

function countTest({ file: { recordCount } }: ScanTask): Test {
  return {
    sql: `CAST(count(*) - ${recordCount} AS BIGINT)`,
    fact: (more) => `it says ${recordCount} rows, the file has ${BigInt(recordCount) + more}`,
  }
}

function columnTests({ schema }: ScanPlan, { file }: ScanTask): Test[] {
  return schema.fields.flatMap(({ id, name, type }): Test[] => {
    if (typeof type !== 'string') return []
    const column = sqlName(name)
    const nulls = file.nullValueCounts.get(id)
    const ofNulls: Test[] =
      nulls === undefined
        ? []
        : [
            {
              sql: `CAST(count(*) - count(${column}) - ${nulls} AS BIGINT)`,
              fact: (more) =>
                `it says ${nulls} nulls in ${name}, the file has ${BigInt(nulls) + more}`,
            },
          ]
    const value = type === 'string' ? `encode(${column})` : column
    const isNumber = type === 'float' || type === 'double' ? `NOT isnan(${column}) AND ` : ''
    const outside = (side: 'lower' | 'upper'): Test[] => {
      const bytes = side === 'lower' ? file.lowerBounds.get(id) : file.upperBounds.get(id)
      const bound = boundSql(type, bytes)
      if (bound === undefined) return []
      const isOutside = `${isNumber}${value} ${side === 'lower' ? '<' : '>'} ${bound}`
      return [
        {
          sql: `count(*) FILTER (WHERE ${isOutside})`,
          fact: (count) => `${count} values of ${name} lie beyond its ${side} bound`,
        },
      ]
    }
    return [...ofNulls, ...outside('lower'), ...outside('upper')]
  })
}

function boundSql(type: PrimitiveType, bytes: Uint8Array | undefined): string | undefined {
  const bound = readBound(type, bytes)
  return bound === undefined ? undefined : literalSql(type, bound)
}

function partitionTests({ metadata, schema }: ScanPlan, { file }: ScanTask): Test[] {
  const spec = specById(metadata, file.specId)
  return partitionType(schema, spec).flatMap(({ field, type }) => {
    const source = schema.fields.find(({ id }) => id === field['source-id'])
    const value = file.partition[field.name]
    if (source === undefined || typeof source.type !== 'string' || value === undefined) return []
    const given = transformOf(field, { name: source.name, type: source.type })
    const held = partitionValueSql(field, type, value)
    return given === undefined
      ? []
      : [
          {
            sql: `count(*) FILTER (WHERE (${given}) IS DISTINCT FROM ${held})`,
            fact: (count: bigint) => `${count} rows do not belong to its partition ${field.name}`,
          },
        ]
  })
}

/** As `transformSql` gives it: of days and months it gives numbers, which the spec calls dates. */
function partitionValueSql(
  { transform }: PartitionField,
  type: PrimitiveType,
  value: PartitionValue,
): string {
  if (value === null) return 'NULL'
  const isNumber = typeof value === 'number' && transform !== 'identity'
  return isNumber ? String(value) : literalSql(type, value)
}

/** Undefined for a transform that we do not know: rows are never left out by it. */
function transformOf(
  { transform }: PartitionField,
  { name, type }: { readonly name: string; readonly type: PrimitiveType },
): string | undefined {
  try {
    return transformSql(transform, { sql: sqlName(name), type, name })
  } catch (error) {
    if (error instanceof SluiceError) return undefined
    throw error
  }
}

function entryFinding(table: string, { file }: ScanTask, facts: readonly string[]): Finding {
  return {
    ...{ check: 'entries', kind: 'corrupt-data', table, file: file.filePath },
    what:
      `What the manifest says of ${fileNameOf(file.filePath)} is not so: ${facts.join('; ')}. ` +
      'Readers that leave out files by it miss rows, or count wrongly.',
    advice:
      `Write the file anew: \`sluice maintain compact ${table}\` makes new entries from the rows; ` +
      'until then, restore the manifest from a copy.',
  }
}
