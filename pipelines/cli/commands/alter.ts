import { Argument, type Command } from 'commander'
import { alterTable, type AlteredTable } from '../../lake/alter-table.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import {
  alterationForms,
  parseAlteration,
  type AlterationName,
  type AlterationOptions,
} from '../parse-alteration.ts'

interface AlterOptions extends LakeOptions, AlterationOptions {}

const examples = `
changes:
${Object.values(alterationForms)
  .map((form) => `  sluice alter silver.trades ${form}`)
  .join('\n')}

No data file is written again: a new column is null in rows that are there, and rows that are there
stay in the partitions and the order that they have (\`sluice maintain compact\` moves them). Columns
that the lake itself works with cannot be dropped, renamed or promoted.`

export function addAlterCommand(program: Command, context: CommandContext): void {
  const names = Object.keys(alterationForms)
  const command = program
    .command('alter')
    .description('changes what a table is: columns, partitions, order, properties')
    .argument('<table>', 'such as silver.trades')
    .addArgument(new Argument('<change>', 'what to change').choices(names))
    .argument('[words...]', 'what it becomes, see below')
    .option('--doc <text>', 'add: what the column means')
    .option('--after <column>', 'add: behind this column, not at the end')
    .option('--first', 'add: before all other columns')
    .addHelpText('after', examples)
  addLakeOptions(command, context).action(
    async (
      table: string,
      change: AlterationName,
      words: readonly string[],
      options: AlterOptions,
    ) => {
      const alteration = parseAlteration(change, words, options)
      const { clock, ids, environment } = context
      const { secrets, engine } = environment
      const altered = await withMaintainedLake(
        {
          directory: options.lake,
          purpose: 'sluice alter',
          clock,
          ids,
          secrets,
          engine,
          model: context.model.current,
        },
        ({ lake }) => alterTable(lake, table, alteration),
      )
      if (options.json) printJson(context, altered)
      else printLine(context, alteredText(altered))
    },
  )
}

function alteredText({ table, isChanged, schemaId, specId, sortOrderId }: AlteredTable): string {
  const state = `schema ${schemaId}, partition spec ${specId}, sort order ${sortOrderId}`
  return isChanged ? `${table} is changed: ${state}` : `${table} is so already: ${state}`
}
