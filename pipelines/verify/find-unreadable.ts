import { isErrorKind } from '../../tables/errors.ts'
import { fileNameOf } from '../../tables/file-io/location.ts'
import { planRelation } from '../loop/loop-context.ts'
import type { BrokenFiles } from './broken-files.ts'
import type { Finding } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { planReadable } from './readable-rows.ts'

/**
 * Reads every live data file, with its deletes, one after the other, all columns of all rows, and
 * answers those that cannot be read. They go into `broken`.
 */
export async function findUnreadable(pinned: PinnedLake, broken: BrokenFiles): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const name of pinned.tables.keys()) {
    const plan = await planReadable(pinned, broken, name)
    for (const task of plan?.tasks ?? []) {
      if (plan === undefined) continue
      const { filePath } = task.file
      try {
        const rows = await planRelation(pinned.lake, { ...plan, tasks: [task] })
        await pinned.session.rows(`SELECT bit_xor(hash(r)) AS h FROM ${rows} r`)
      } catch (error) {
        if (!isUnreadable(error)) throw error
        broken.locations.add(filePath)
        findings.push(unreadableFinding(name, filePath, error.message))
      }
    }
  }
  return findings
}

/** What a broken or missing file makes the engine or a store say. */
export function isUnreadable(error: unknown): error is Error {
  return isErrorKind(error, 'corrupt-data') || isErrorKind(error, 'storage-unavailable')
}

function unreadableFinding(table: string, file: string, message: string): Finding {
  return {
    ...{ check: 'files', kind: 'corrupt-data', table, file },
    what: `The data file ${fileNameOf(file)} cannot be read: its bytes were changed. ${message}`,
    advice:
      'Restore the file from a copy; without one, go back to the cut before it with `sluice ' +
      'rollback --cut`, and the sources are read again from there.',
  }
}
