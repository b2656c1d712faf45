import type { StackService } from './stack-service.ts'
import { STACK_CATALOG, stackPorts, type StackPlace } from './stack-settings.ts'

/** What a person does after a start, in commands. */
export function nextSteps(services: readonly StackService[], place: StackPlace): string {
  const has = (name: string): boolean => services.some((service) => service.name === name)
  const lines = ['', 'Next:', `  set -a; . ${quoted(place.envPath)}; set +a`]
  if (has('minio')) lines.push(live('minio.yaml', 'tables on MinIO'))
  if (has('hdfs')) lines.push(live('hdfs.yaml', 'tables on HDFS'))
  if (has('minio') && has('hdfs')) lines.push(live('mixed.yaml', 'bronze on HDFS, rest on MinIO'))
  if (has('trino')) {
    const { trino } = place.ports
    lines.push(`  trino http://127.0.0.1:${trino}/${STACK_CATALOG}   # while Sluice runs`)
  }
  if (place.ports.minio !== stackPorts.minio) {
    lines.push('  The examples name the ports without SLUICE_STACK_PORT_OFFSET: correct a copy.')
  }
  lines.push('  npm run stack -- status        npm run stack -- stop')
  return lines.map((line) => `${line}\n`).join('')
}

function live(config: string, what: string): string {
  return `  npm run -s sluice -- live --config examples/${config}   # ${what}`
}

/** For a shell, where it needs it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
