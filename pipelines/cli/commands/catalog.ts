import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { serveCatalog } from '../../lake/serve-catalog.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'

interface CatalogOptions extends LakeOptions {
  readonly host: string
  readonly port: number
}

export function addCatalogCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('catalog')
    .description("serves a lake's Iceberg REST catalog alone, until Ctrl-C")
    .option('--host <name>', 'another than this machine needs SLUICE_CATALOG_TOKEN', '127.0.0.1')
    .option('--port <n>', 'its port, or the next free one', countFrom(1, 65_535), 8181)
  addLakeOptions(command, context).action(async (options: CatalogOptions) => {
    const signal = context.stopSignal()
    const token = context.environment.catalogToken
    await withLake(context, options.lake, async (lake) => {
      const served = await serveCatalog(lake, { host: options.host, port: options.port, token })
      try {
        const lakeDirectory = resolve(options.lake)
        if (options.json) printJson(context, { catalogUrl: served.url, lake: lakeDirectory })
        else printLine(context, `${served.url} serves ${lakeDirectory}. Ctrl-C ends it.`)
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        await served.close()
      }
    })
  })
}
