import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Benchmark, Measurement } from './benchmark.ts'
import { describeMachine } from './machine.ts'
import type { Machine } from './machine.ts'

/** `npm run bench -- ARGS`: runs one benchmark by name. Gives the exit code. */
export async function runBenchmark(
  benchmarks: readonly Benchmark[],
  args: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  const [name, ...rest] = args
  const benchmark = benchmarks.find((each) => each.name === name)
  if (benchmark === undefined) {
    print(name === undefined ? 'npm run bench -- NAME' : `There is no benchmark "${name}".`)
    for (const each of benchmarks) print(`  ${each.name.padEnd(16)} ${each.about}`)
    return 2
  }
  const machine = describeMachine()
  const scratchFolder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const report = (measurement: Measurement): void => {
    print(JSON.stringify(resultLine(benchmark.name, measurement, machine)))
  }
  try {
    await benchmark.run({ args: rest, scratchFolder, report })
  } finally {
    await rm(scratchFolder, { recursive: true, force: true })
  }
  return 0
}

/** The JSON of one line. `ratio` is value over peer. */
function resultLine(benchmark: string, measurement: Measurement, machine: Machine): unknown {
  const { name, value, unit, peer, facts } = measurement
  return {
    benchmark,
    name,
    value: rounded(value),
    unit,
    ...(peer === undefined
      ? {}
      : {
          peer: { name: peer.name, value: rounded(peer.value) },
          ratio: rounded(value / peer.value),
        }),
    ...(facts === undefined ? {} : { facts }),
    conditions: machine,
  }
}

/** Four digits say all that such a measurement knows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
