#!/usr/bin/env node
// The command line. In a checkout TypeScript is stripped by tsx inside this process: no build, no
// child process, so that Ctrl-C, exit codes and pipes are the program's own. The package holds
// JavaScript instead: Node strips no types below node_modules.
import { existsSync } from 'node:fs'
import { nodeVersionError } from './node-version.mjs'

const problem = nodeVersionError(process.versions.node)
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`)
  process.exit(1)
}

/** The sources win where they are: what was built in a checkout may be older. */
const isCheckout = existsSync(new URL('../pipelines/cli/main.ts', import.meta.url))
const built = new URL('../dist/pipelines/cli/main.js', import.meta.url)

async function loadMain() {
  if (!isCheckout) return import(built.href)
  const tsx = await import('tsx/esm/api').catch((error) => {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
    process.stderr.write(
      'The packages of Sluice are not installed: nothing was started. ' +
        'Run `node bin/install-missing.mjs` (or `npm ci --ignore-scripts`) in the checkout first.\n',
    )
    process.exit(1)
  })
  tsx.register()
  return import('../pipelines/cli/main.ts')
}

// The S3 client would say on each command that its releases of 2027 need a newer Node; the release
// that is installed is pinned, and runs on this one.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

const { main } = await loadMain()
process.exitCode = await main(process.argv.slice(2))
