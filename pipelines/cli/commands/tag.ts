import { Option, type Command } from 'commander'
import { SluiceError } from '../../../tables/errors.ts'
import { type ChangedTag, dropTag, type LakeTag, listTags, tagLake } from '../../lake/tag-lake.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { drawTextTable } from '../text-table.ts'

interface TagOptions extends LakeOptions {
  readonly cut?: number
  readonly drop: boolean
  readonly list: boolean
}

const examples = `
examples:
  sluice tag before-fix                  names the last cut on all tables
  sluice tag --cut 120 before-fix        names cut 120
  sluice tag --drop before-fix
  sluice tag --list
  sluice sql "FROM gold.bars b AT (VERSION => 'before-fix')"`

export function addTagCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('tag')
    .description('names one cut on all tables: what a tag names never expires')
    .argument('[name]', 'the name of the tag')
    .addOption(
      new Option('--cut <n>', 'the cut that it names (default: the last)').argParser(countFrom(1)),
    )
    .addOption(new Option('--drop', 'takes the tag off all tables').default(false).conflicts('cut'))
    .option('--list', 'shows all tags, those of kept cuts too', false)
    .addHelpText('after', examples)
  addLakeOptions(command, context).action(async (name: string | undefined, options: TagOptions) => {
    if (name === undefined) await showTags(context, options)
    else await changeTag(context, name, options)
  })
}

async function showTags(context: CommandContext, options: TagOptions): Promise<void> {
  if (options.drop || options.cut !== undefined) {
    throw new SluiceError(
      'invalid-input',
      'No tag is named. Nothing was changed. Give its name: `sluice tag NAME`.',
    )
  }
  const tags = await withLake(context, options.lake, listTags)
  if (options.json) printJson(context, tags.map(toJson))
  else for (const line of drawTags(tags)) printLine(context, line)
}

async function changeTag(
  context: CommandContext,
  name: string,
  options: TagOptions,
): Promise<void> {
  if (options.list) {
    throw new SluiceError(
      'invalid-input',
      `--list shows all tags and takes no name, but ${name} was given. Nothing was changed. ` +
        'Leave one of the two out.',
    )
  }
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  const purpose = 'sluice tag'
  const changed = await withMaintainedLake(
    { directory: options.lake, purpose, clock, ids, secrets, engine, model: context.model.current },
    ({ lake }) => (options.drop ? dropTag(lake, name) : tagLake(lake, name, options.cut)),
  )
  if (options.json) printJson(context, { ...toJson(changed), isChanged: changed.isChanged })
  else printLine(context, options.drop ? dropText(changed) : tagText(changed))
}

function toJson(tag: LakeTag) {
  return {
    name: tag.name,
    cutNumber: tag.cutNumber ?? null,
    tables: tag.tables,
    isOwn: tag.isOwn,
  }
}

function tagText({ name, cutNumber, tables, isChanged }: ChangedTag): string {
  const before = isChanged ? '' : ' already'
  return `${name} names cut ${cutNumber ?? '-'}${before}, on ${tables.length} tables`
}

function dropText({ name, tables }: ChangedTag): string {
  return `${name} is gone from ${tables.length} tables; what it alone held goes with the next expiry`
}

function drawTags(tags: readonly LakeTag[]): readonly string[] {
  if (tags.length === 0) return ['no tag yet']
  return drawTextTable(
    [
      { title: 'tag', align: 'left' },
      { title: 'cut', align: 'right' },
      { title: 'tables', align: 'right' },
      { title: 'set by', align: 'left' },
    ],
    tags.map(({ name, cutNumber, tables, isOwn }) => [
      name,
      cutNumber === undefined ? '-' : String(cutNumber),
      String(tables.length),
      isOwn ? 'the cuts' : 'hand',
    ]),
  )
}
