#!/usr/bin/env node
// The command line. TypeScript is stripped by tsx inside this process: no build, no child process,
// so that Ctrl-C, exit codes and pipes are the program's own.
import { nodeVersionError } from './node-version.mjs'

const problem = nodeVersionError(process.versions.node)
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`)
  process.exit(1)
}

let tsx
try {
  tsx = await import('tsx/esm/api')
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
  process.stderr.write(
    'The packages of Sluice are not installed: nothing was started. ' +
      'Run `node bin/install-missing.mjs` (or `npm ci --ignore-scripts`) in the checkout first.\n',
  )
  process.exit(1)
}

// The S3 client would say on each command that its releases of 2027 need a newer Node; the release
// that is installed is pinned, and runs on this one.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

tsx.register()
const { main } = await import('../pipelines/cli/main.ts')
process.exitCode = await main(process.argv.slice(2))
