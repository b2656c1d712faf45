import { Command, CommanderError } from 'commander'
import { nextSteps } from './next-steps.ts'
import { ServiceMissing } from './service-missing.ts'
import { ensureStackEnv } from './stack-env.ts'
import { StackError } from './stack-error.ts'
import type { StackService } from './stack-service.ts'
import { stackServices } from './stack-services.ts'
import { stackPlace, stackServiceNames, type StackPlace } from './stack-settings.ts'
import { readServiceStatus, statusText } from './stack-status.ts'
import { startService } from './start-service.ts'
import { stopService } from './stop-service.ts'

/** `npm run stack -- <command> [service…]`: the services of docker-compose.yml without Docker. */
async function main(argv: readonly string[]): Promise<void> {
  const place = stackPlace(process.env)
  const program = new Command('stack')
    .description('Kafka, MinIO, HDFS and Trino on 127.0.0.1, without Docker')
    .addHelpText('after', HELP)
  const names = `any of ${stackServiceNames.join(', ')}; all of them where none is named`
  program
    .command('install')
    .description('downloads what is missing, once')
    .argument('[service...]', names)
    .action((asked: string[]) => install(servicesOf(asked)))
  program
    .command('start')
    .description('installs and starts services, which go on in the background')
    .argument('[service...]', names)
    .action((asked: string[]) => start(servicesOf(asked), place))
  program
    .command('stop')
    .description('ends services in order; their data stay')
    .argument('[service...]', names)
    .action((asked: string[]) => stop(servicesOf(asked).reverse(), place))
  program
    .command('status')
    .description('what runs, and whether it answers (exit code 1 where something does not)')
    .argument('[service...]', names)
    .option('--json', 'one JSON document', false)
    .action((asked: string[], { json }: { json: boolean }) =>
      status(servicesOf(asked), place, json),
    )
  program
    .command('env')
    .description('makes the file with the secrets, where it is missing')
    .action(() => env(place))
  await program.parseAsync(argv, { from: 'user' })
}

const HELP = `
Settings from the environment:
  SLUICE_STACK_FOLDER       data, logs and state (default: stack in the cache folder)
  SLUICE_STACK_ENV          the file with the secrets (default: .env of the checkout)
  SLUICE_STACK_PORT_OFFSET  moves all ports, for a second stack (default 0)
  SLUICE_CACHE              downloads (default: ~/.cache/sluice)
  JAVA_HOME, JAVA25_HOME    Java 17 for Kafka and HDFS, Java 24 or newer for Trino`

/** In starting order, each once. Throws StackError for a name that is none. */
function servicesOf(asked: readonly string[]): StackService[] {
  const unknown = asked.filter((name) => !stackServiceNames.some((known) => known === name))
  if (unknown.length > 0) {
    throw new StackError(
      `${unknown.join(', ')} is no service of the stack. Nothing was done; there are ` +
        `${stackServiceNames.join(', ')}.`,
    )
  }
  const wanted = stackServiceNames.filter((name) => asked.length === 0 || asked.includes(name))
  return wanted.map((name) => stackServices[name])
}

async function install(services: readonly StackService[]): Promise<void> {
  for (const service of services) {
    const { name, title, download } = service
    if (service.isInstalled()) {
      // Java is looked for all the same: it may have gone.
      await installOrExplain(service)
      say(name, `${title} is installed`)
    } else {
      say(name, `${title} is being installed, once (${download}) …`)
      const startMs = Date.now()
      await installOrExplain(service)
      say(name, `installed in ${secondsSince(startMs)} s`)
    }
  }
}

async function installOrExplain(service: StackService): Promise<void> {
  try {
    await service.install()
  } catch (error) {
    if (!(error instanceof ServiceMissing)) throw error
    const others = stackServiceNames.filter((name) => name !== service.name).join(' ')
    throw new StackError(
      `${service.title} cannot be had on this machine: ${error.message}\nNothing was started; ` +
        `without it: npm run stack -- start ${others}`,
      error,
    )
  }
}

async function start(services: readonly StackService[], place: StackPlace): Promise<void> {
  await env(place)
  await install(services.filter((service) => !service.isInstalled()))
  for (const service of services) {
    const startMs = Date.now()
    const { isNew, wasStale, state } = await startService(service, place)
    const addresses = Object.values(state.addresses).join(', ')
    const pids = `pid ${state.pids.join(', ')}`
    if (wasStale) say(service.name, 'had ended without being stopped; it is started again')
    if (isNew) say(service.name, `runs at ${addresses} (${secondsSince(startMs)} s, ${pids})`)
    else say(service.name, `runs already, at ${addresses} (${pids})`)
  }
  process.stdout.write(nextSteps(services, place))
}

async function stop(services: readonly StackService[], place: StackPlace): Promise<void> {
  for (const service of services) {
    const outcome = await stopService(service, place)
    const text = outcome === 'ended' ? 'had ended by itself before' : outcome
    say(service.name, text === 'killed' ? 'did not end in a minute and was killed' : text)
  }
}

async function status(
  services: readonly StackService[],
  place: StackPlace,
  isJson: boolean,
): Promise<void> {
  const statuses = await Promise.all(services.map((each) => readServiceStatus(each, place)))
  const { folder, envPath } = place
  const json = JSON.stringify({ folder, envPath, services: statuses }, undefined, 2)
  process.stdout.write(isJson ? `${json}\n` : statusText(statuses))
  const isBad = statuses.some(
    ({ condition, isHealthy }) => condition === 'ended' || (condition === 'running' && !isHealthy),
  )
  if (isBad) process.exitCode = 1
}

async function env({ envPath }: StackPlace): Promise<void> {
  const { isNew, isOpen } = await ensureStackEnv(envPath)
  say('env', isNew ? `${envPath} was made, with random secrets` : `${envPath} is there`)
  if (isOpen) say('env', `other accounts can read it: chmod 600 ${envPath}`)
}

function say(name: string, text: string): void {
  process.stdout.write(`${name.padEnd(6)} ${text}\n`)
}

function secondsSince(startMs: number): string {
  return ((Date.now() - startMs) / 1000).toFixed(1)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  // Commander has said it already.
  if (!(error instanceof CommanderError)) {
    const isKnown =
      error instanceof StackError || error instanceof ServiceMissing || error instanceof RangeError
    const text = isKnown ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`${text ?? ''}\n`)
  }
  process.exitCode = 1
}
