import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SluiceError } from '../../../tables/errors.ts'
import { fileNameOf } from '../../../tables/file-io/location.ts'
import { fileKinds, makeBreakableTable, packedMetadata } from './breakable-table.ts'
import type { BreakableFile, BreakableTable, FileKind } from './breakable-table.ts'
import { anyDamage, damaged, fuzzSettings } from './damage.ts'
import type { Damage } from './damage.ts'

const TIMEOUT_MS = 120_000

const kindsOf = {
  2: fileKinds.filter((kind) => kind !== 'deletion vector file'),
  3: fileKinds.filter((kind) => kind !== 'position delete file'),
} as const

/**
 * What was broken is either noticed, with the file named, or harmless.
 *
 * Two kinds of damage no reader of Iceberg can notice, since the formats have no checksum there: a
 * value that became another value inside of a Parquet page or footer that still decodes, and a
 * value inside of metadata JSON that is still valid JSON. There the rows may differ, but nothing
 * else goes wrong: no other error, no hang, no crash, no row of another shape. Manifests and
 * manifest lists carry our checksum, gzip and deletion vectors their own; sizes that manifests
 * name find what is cut off, appended or swapped.
 */
describe.each([2, 3] as const)('a broken file of a table of format version %i', (version) => {
  let table: BreakableTable
  beforeAll(async () => {
    table = await makeBreakableTable(version)
  })
  afterAll(async () => {
    await table.close()
  })

  it.each(kindsOf[version])(
    'is named by the error, or changes nothing: a %s',
    async (kind) => {
      const files = filesOf(table, kind)
      const others = table.files.filter((file) => file.kind !== sourceKind(kind))
      expect(files.length).toBeGreaterThan(0)
      await fc.assert(
        fc.asyncProperty(fc.nat(), anyDamage, async (pick, damage) => {
          const file = files[pick % files.length]
          if (file === undefined) throw new RangeError('no file to break')
          const bytes = damaged(
            file.bytes,
            damage,
            others.map((other) => other.bytes),
          )
          checkOutcome(table, file, damage, bytes, await outcomeOf(table, file, bytes))
        }),
        fuzzSettings(),
      )
    },
    TIMEOUT_MS,
  )

  it('reads as it was written where nothing is broken', async () => {
    for (const file of [...table.files, ...filesOf(table, 'packed metadata')]) {
      const rows = await table.read(file, file.bytes)
      expect([...rows].sort()).toEqual([...table.model.live].sort())
    }
  })
})

function sourceKind(kind: FileKind): FileKind {
  return kind === 'packed metadata' ? 'metadata' : kind
}

function filesOf(table: BreakableTable, kind: FileKind): readonly BreakableFile[] {
  const files = table.files.filter((file) => file.kind === sourceKind(kind))
  return kind === 'packed metadata' ? files.map(packedMetadata) : files
}

async function outcomeOf(
  table: BreakableTable,
  file: BreakableFile,
  bytes: Uint8Array,
): Promise<readonly string[] | Error> {
  try {
    return [...(await table.read(file, bytes))].sort()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function checkOutcome(
  table: BreakableTable,
  file: BreakableFile,
  damage: Damage,
  bytes: Uint8Array,
  outcome: readonly string[] | Error,
): void {
  if (outcome instanceof Error) {
    checkError(table, file, outcome)
    return
  }
  const { live, deleted } = table.model
  if (!canHideChanges(file, damage, bytes)) {
    expect(outcome).toEqual([...live].sort())
    return
  }
  if (file.kind === 'position delete file') {
    expect(outcome.filter((row) => !live.includes(row) && !deleted.includes(row))).toEqual([])
    return
  }
  for (const row of outcome) expect((JSON.parse(row) as unknown[]).length).toBeGreaterThan(0)
}

/** Same length, no checksum: values may have become other values. */
function canHideChanges(file: BreakableFile, damage: Damage, bytes: Uint8Array): boolean {
  const isInPlace = ['flip-bit', 'set-byte', 'zero'].includes(damage.kind)
  if (file.kind === 'data file' || file.kind === 'position delete file') {
    return isInPlace && bytes.length === file.bytes.length
  }
  return file.kind === 'metadata' && isInPlace
}

/**
 * The broken file is named; where metadata names another file than before, it is that one which is
 * missing. What names a newer version, a codec or a type that is not known is `unsupported`.
 */
function checkError(table: BreakableTable, file: BreakableFile, error: Error): void {
  if (!(error instanceof SluiceError)) throw error
  const context = Object.values(error.context).map(String).join(' ')
  const text = `${error.message} ${context}`
  if (!['corrupt-data', 'unsupported'].includes(error.kind)) throw error
  if (text.includes(fileNameOf(file.location))) return
  const isMissing = file.kind === 'metadata' && text.startsWith('File not found: ')
  if (!isMissing) throw error
}
