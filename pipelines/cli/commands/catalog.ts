import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { SluiceError } from '../../../tables/errors.ts'
import { serveCatalog, type CatalogSettings } from '../../lake/serve-catalog.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { createLogger } from '../create-logger.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'

interface CatalogOptions extends LakeOptions {
  readonly host: string
  readonly port: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly allowPlaintext?: boolean
  readonly requestsPerSecond?: number
}

export function addCatalogCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('catalog')
    .description("serves a lake's Iceberg REST catalog alone, until Ctrl-C")
    .option('--host <name>', 'another than this machine needs a token and TLS', '127.0.0.1')
    .option('--port <n>', 'its port, or the next free one', countFrom(1, 65_535), 8181)
    .option('--tls-cert <file>', 'the certificate, as PEM; clients then call https')
    .option('--tls-key <file>', 'its private key, as PEM')
    .option('--allow-plaintext', 'another host without TLS: behind a proxy that encrypts')
    .option('--requests-per-second <n>', 'of one address', countFrom(1, 1_000_000))
    .addHelpText('after', TOKENS_HELP)
  addLakeOptions(command, context).action(async (options: CatalogOptions) => {
    const signal = context.stopSignal()
    const { environment } = context
    const { catalogTokens: tokens, vendedS3: vended } = environment
    const logger = createLogger(environment)
    await withLake(context, options.lake, async (lake) => {
      const served = await serveCatalog(lake, { ...addressOf(options), tokens, vended, logger })
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

const TOKENS_HELP = `
Tokens come from the environment: SLUICE_CATALOG_TOKEN may do everything,
SLUICE_CATALOG_WRITE_TOKEN create and commit, SLUICE_CATALOG_READ_TOKEN read.
Clients have accounts of the S3 store of their own, or are all given the one in
SLUICE_VENDED_S3_ACCESS_KEY_ID and SLUICE_VENDED_S3_SECRET_ACCESS_KEY, at
SLUICE_VENDED_S3_ENDPOINT where that is not the lake's own.`

function addressOf(options: CatalogOptions): CatalogSettings {
  const { host, port, tlsCert, tlsKey, requestsPerSecond } = options
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SluiceError(
      'invalid-input',
      'TLS needs both a certificate and its key. Nothing was started; give --tls-cert and ' +
        '--tls-key.',
    )
  }
  return {
    host,
    port,
    allowPlaintext: options.allowPlaintext ?? false,
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecondMax: requestsPerSecond }),
    ...(tlsCert === undefined || tlsKey === undefined
      ? {}
      : { tls: { certPath: resolve(tlsCert), keyPath: resolve(tlsKey) } }),
  }
}
