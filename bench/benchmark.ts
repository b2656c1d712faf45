/** One measured value. */
export interface Measurement {
  /** What was measured, with its conditions that differ from run to run: `64 partitions`. */
  readonly name: string
  readonly value: number
  /** `events/s`, `ms`, `MB`, … */
  readonly unit: string
  /** What the value is compared with, measured in the same run on the same machine. */
  readonly peer?: Peer
  /** Plain facts about the run: counts, settings. */
  readonly facts?: Readonly<Record<string, string | number>>
}

export interface Peer {
  readonly name: string
  /** In the unit of the measurement. */
  readonly value: number
}

/** What a benchmark is given. */
export interface BenchmarkContext {
  /** The words behind the benchmark's name on the command line. */
  readonly args: readonly string[]
  /** An empty folder of this run, removed at its end. */
  readonly scratchFolder: string
  /** Prints a measurement as one JSON line as soon as it is there. */
  readonly report: (measurement: Measurement) => void
}

export interface Benchmark {
  readonly name: string
  /** One line for the list of benchmarks. */
  readonly about: string
  run(context: BenchmarkContext): Promise<void>
}
