import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { createRequire } from 'node:module'

/** The conditions of a run, as every result line carries them. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memory_gb: number
  readonly os: string
  readonly node: string
  readonly duckdb: string
  /** Load of the last minute when the run began: other work on the machine makes a run worthless. */
  readonly load: number
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.versions.node,
    duckdb: duckdbVersion(),
    load: loadOfMinute(),
  }
}

function duckdbVersion(): string {
  const require = createRequire(import.meta.url)
  const path = require.resolve('@duckdb/node-api/package.json')
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  return version
}

function loadOfMinute(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0])
}
