import type { Command } from 'commander'
import { pickSnapshot, type PickedSnapshot } from '../../lake/pick-snapshot.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { parseSnapshotId } from '../parse-snapshot-id.ts'

const notes = `
A snapshot is staged where an engine wrote it without moving main (write-audit-publish), or made it
on a branch. Made on main's head it becomes the head; else its files are added in a new snapshot,
which only an append allows. To the lake it is a commit of others: rows that silver gets so are in
gold with the next cut. Snapshots of cuts are refused, because positions and other tables belong to
them: \`sluice rollback --cut N\` goes forward to an undone cut as well.`

export function addCherryPickCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('cherry-pick')
    .description('brings a snapshot that was staged or made on a branch into a table')
    .argument('<table>', 'its name, as silver.trades')
    .argument('<snapshot>', 'its id, see `sluice history`', parseSnapshotId)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(
    async (table: string, snapshotId: bigint, options: LakeOptions) => {
      const { clock, ids, environment } = context
      const { secrets, engine } = environment
      const purpose = 'sluice cherry-pick'
      const picked = await withMaintainedLake(
        {
          directory: options.lake,
          purpose,
          clock,
          ids,
          secrets,
          engine,
          model: context.model.current,
        },
        (maintained) => pickSnapshot(maintained, table, snapshotId),
      )
      if (options.json) printJson(context, { ...picked, pickedId: snapshotId })
      else printLine(context, pickedText(picked, snapshotId))
    },
  )
}

function pickedText({ table, kind, snapshotId }: PickedSnapshot, pickedId: bigint): string {
  return kind === 'fast-forward'
    ? `snapshot ${pickedId} is the head of ${table}`
    : `the files of snapshot ${pickedId} are in ${table}, as snapshot ${snapshotId}`
}
