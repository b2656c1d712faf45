// Runs before `npm start` and `npm test`: installs the packages of package-lock.json where they
// are missing or are not the ones that the lock names. Plain Node without a dependency.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeVersionError } from './node-version.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const stampFile = join(root, 'node_modules', '.sluice-lock-sha256')

/** Everything is written to stderr: stdout belongs to the command that runs next. */
function say(line) {
  process.stderr.write(`${line}\n`)
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/**
 * True where npm's own record of what it installed has what the lock asks for, so that a folder
 * that `npm ci` or `npm install` made by hand is not thrown away. Optional packages may be absent:
 * they are for other platforms.
 */
function isInstalled(lock) {
  const record = readText(join(root, 'node_modules', '.package-lock.json'))
  if (record === undefined) return false
  const installed = JSON.parse(record).packages ?? {}
  return Object.entries(JSON.parse(lock).packages ?? {}).every(([path, wanted]) => {
    if (path === '') return true
    const present = installed[path]
    if (present === undefined) return wanted.optional === true
    return present.version === wanted.version && existsSync(join(root, path, 'package.json'))
  })
}

function install() {
  say('Installing the packages of package-lock.json (once; about half a minute) …')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const npm = process.env.npm_execpath
  const isScript = npm !== undefined && /\.[cm]?js$/.test(npm)
  const [command, rest] = isScript ? [process.execPath, [npm, ...args]] : ['npm', args]
  const shell = !isScript && process.platform === 'win32'
  return spawnSync(command, rest, { cwd: root, stdio: ['ignore', 2, 2], shell }).status ?? 1
}

function main() {
  const problem = nodeVersionError(process.versions.node)
  if (problem !== undefined) {
    say(problem)
    return 1
  }
  const lock = readText(join(root, 'package-lock.json'))
  if (lock === undefined) {
    say('package-lock.json is missing: nothing was installed. Check out the whole repository.')
    return 1
  }
  const hash = createHash('sha256').update(lock).digest('hex')
  if (readText(stampFile) === hash) return 0
  if (!isInstalled(lock)) {
    const status = install()
    if (status !== 0) {
      say(
        'npm ci failed (its reason is above): nothing was started. Run it again once it is fixed.',
      )
      return status
    }
  }
  writeFileSync(stampFile, hash)
  return 0
}

process.exitCode = main()
