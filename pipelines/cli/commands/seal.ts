import { hostname } from 'node:os'
import type { Command } from 'commander'
import { parseTimeText } from '../../../tables/spec/time-text.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import { isoTimeUs } from '../../producers/iso-time.ts'
import { sealUntil } from '../../replay/seal-until.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'

interface SealCommandOptions extends LakeOptions {
  readonly until: string
}

const notes = `
The watermark follows the newest events, so the last windows of a stream that rests stay open. This
moves it to a time of your own, in a cut: windows that end by then are sealed, and days that do can
be replayed. What still comes from before it is late and is merged in as always.

example:
  sluice seal --until 2026-11-21T00:00:00Z`

export function addSealCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('seal')
    .description('closes windows and days of a stream that rests')
    .requiredOption('--until <time>', 'the new watermark, UTC, as in 2026-11-21T00:00:00Z')
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: SealCommandOptions) => {
    const untilUs = parseTimeText(options.until)
    const { clock, ids, environment } = context
    const sealed = await withWritableLake(
      {
        ...{ directory: options.lake, purpose: 'sluice seal', clock, ids },
        secrets: environment.secrets,
        engine: environment.engine,
        model: context.model.current,
        createIfMissing: false,
        roles: ['range'],
      },
      ({ lake }) => sealUntil({ lake, untilUs, writer: `seal@${hostname()}:${process.pid}` }),
    )
    const { cutNumber, beforeUs, watermarkUs } = sealed
    const before = beforeUs === undefined ? null : isoTimeUs(beforeUs)
    if (options.json) {
      printJson(context, { cutNumber, before, watermark: isoTimeUs(watermarkUs) })
    } else {
      const from = before === null ? '' : ` from ${before}`
      const text = `cut ${cutNumber} moves the watermark${from} to ${isoTimeUs(watermarkUs)}`
      printLine(context, text)
    }
  })
}
