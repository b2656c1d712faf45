import { SluiceError } from '../errors.ts'
import { findSnapshot, HEAD_TAG } from '../spec/cut-history.ts'
import { MAIN_BRANCH } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { UpdatePlan } from './commit-fenced.ts'

/** A tag of a user: letters, digits, dots, dashes and underlines, not digits alone. */
const tagForm = /^(?!\d+$)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/**
 * Checks a name for a tag. Digits alone are refused because `AT (VERSION => '123')` means a
 * snapshot, and the names that cuts give their own tags because the next cut would take them away.
 * @throws SluiceError `invalid-input`
 */
export function checkTagName(name: string): void {
  if (tagForm.test(name) && !isOwnRef(name)) return
  throw new SluiceError(
    'invalid-input',
    `'${name}' cannot be the name of a tag. Nothing was tagged. Use letters, digits, dots, dashes ` +
      `and underlines, not digits alone, and neither ${MAIN_BRANCH}, ${HEAD_TAG}, cut-<n> nor ` +
      'eod-<day>, which cuts set themselves.',
  )
}

/** True for the refs that cuts set and move by themselves. */
export function isOwnRef(name: string): boolean {
  return name === MAIN_BRANCH || name === HEAD_TAG || isCutTag(name)
}

/** True for the tags of kept cuts: `cut-17`, `eod-2026-11-20`. */
export function isCutTag(name: string): boolean {
  return /^(cut-\d+|eod-\d{4}-\d{2}-\d{2})$/.test(name)
}

/**
 * Names a snapshot. A tag that names it already needs nothing.
 * @throws SluiceError `invalid-input` for a name that is taken or not allowed, or a snapshot that
 * is not there.
 */
export function planTag(metadata: TableMetadata, name: string, snapshotId: bigint): UpdatePlan {
  checkTagName(name)
  const held = metadata.refs[name]
  if (held !== undefined && held['snapshot-id'] !== snapshotId) {
    throw new SluiceError(
      'invalid-input',
      `There is a ${held.type} ${name} on ${metadata.location} already, at snapshot ` +
        `${held['snapshot-id']}. Nothing was tagged. Drop it first, or choose another name.`,
    )
  }
  if (findSnapshot(metadata, snapshotId) === undefined) {
    throw new SluiceError(
      'invalid-input',
      `Snapshot ${snapshotId} of ${metadata.location} expired or never was. Nothing was tagged. ` +
        'Choose one that is kept.',
    )
  }
  return {
    requirements: refRequirements(metadata, name),
    updates:
      held === undefined
        ? [
            {
              action: 'set-snapshot-ref',
              'ref-name': name,
              type: 'tag',
              'snapshot-id': snapshotId,
            },
          ]
        : [],
  }
}

/**
 * Takes a tag away; what it alone held goes with the next expiry. No such tag: nothing to do.
 * @throws SluiceError `invalid-input` for a branch and for the tags of cuts.
 */
export function planTagDrop(metadata: TableMetadata, name: string): UpdatePlan {
  checkTagName(name)
  const held = metadata.refs[name]
  if (held?.type === 'branch') {
    throw new SluiceError(
      'invalid-input',
      `${name} on ${metadata.location} is a branch and no tag. Nothing was dropped. Drop it by ` +
        'the engine that made it.',
    )
  }
  return {
    requirements: refRequirements(metadata, name),
    updates: held === undefined ? [] : [{ action: 'remove-snapshot-ref', 'ref-name': name }],
  }
}

function refRequirements(metadata: TableMetadata, name: string): UpdatePlan['requirements'] {
  return [
    { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
    {
      type: 'assert-ref-snapshot-id',
      ref: name,
      'snapshot-id': metadata.refs[name]?.['snapshot-id'] ?? null,
    },
  ]
}
