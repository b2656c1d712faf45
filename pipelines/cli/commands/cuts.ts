import type { Command } from 'commander'
import type { Lake } from '../../lake/lake.ts'
import { readNewestCuts, type CutLine } from '../../lake/read-cuts.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { drawTextTable } from '../text-table.ts'

const DEFAULT_COUNT = 20

export function addCutsCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('cuts')
    .description('the newest cuts of a lake: what each took in and put out')
    .argument('[count]', 'how many', countFrom(1), DEFAULT_COUNT)
  addLakeOptions(command, context).action(async (count: number, options: LakeOptions) => {
    const cuts = await withLake(context, options.lake, (lake) => readCuts(lake, count))
    if (options.json) printJson(context, cuts.map(cutToJson))
    else for (const line of drawCuts(cuts)) printLine(context, line)
  })
}

/** The newest cuts as lines for a person, newest first. */
export async function drawNewestCuts(lake: Lake, count: number): Promise<readonly string[]> {
  return drawCuts(await readCuts(lake, count))
}

async function readCuts(lake: Lake, count: number): Promise<readonly CutLine[]> {
  const session = await lake.engine.connect()
  try {
    return await readNewestCuts(lake, session, count)
  } finally {
    session.close()
  }
}

/** A cut for programs: counts as numbers, times as ISO text. */
export function cutToJson(cut: CutLine) {
  const { committed_us, watermark_us, token, writer, mode, ...counts } = cut
  return {
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Number(count)])),
    committed_ts: formatIso(committed_us),
    watermark_ts: watermark_us === null ? null : formatIso(watermark_us),
    token,
    writer,
    mode,
  }
}

function drawCuts(cuts: readonly CutLine[]): readonly string[] {
  if (cuts.length === 0) return ['no cut yet']
  const counts = [
    ['messages', 'message_count'],
    ['ignored', 'ignored_count'],
    ['rejected', 'rejected_count'],
    ['rows', 'row_count'],
    ['silver', 'silver_count'],
    ['duplicates', 'duplicate_count'],
    ['refused', 'refused_count'],
    ['late', 'late_count'],
  ] as const
  return drawTextTable(
    [
      { title: 'cut', align: 'right' },
      { title: 'committed', align: 'left' },
      { title: 'mode', align: 'left' },
      ...counts.map(([title]) => ({ title, align: 'right' }) as const),
      { title: 'watermark', align: 'left' },
      { title: 'token', align: 'left' },
    ],
    cuts.map((cut) => [
      String(cut.cut_number),
      formatInstant(cut.committed_us),
      cut.mode,
      ...counts.map(([, name]) => formatCount(cut[name])),
      cut.watermark_us === null ? '-' : formatInstant(cut.watermark_us),
      cut.token.slice(0, 8),
    ]),
  )
}
