import type { Session } from '../../tables/engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { measureDiskUse } from '../lake/measure-disk-use.ts'
import { drawMonitor } from './draw-monitor.ts'
import { monitorLine } from './monitor-line.ts'
import type { MonitorState } from './monitor-state.ts'
import { layersOf, readLakeFacts, type LakeFacts } from './read-lake-facts.ts'
import type { RunStatistics } from '../loop/run-statistics.ts'
import { createScreen, type Terminal } from './screen.ts'
import { secondTerminalCommands } from './second-terminal-commands.ts'

export interface MonitorOptions {
  readonly lake: Lake
  readonly lakeDirectory: string
  readonly catalogUrl: string
  readonly startedUs: bigint
  readonly statistics: RunStatistics
  readonly producedCount: () => number
  readonly output: Terminal
  /** A picture that is drawn again and again, or a line each 5 s. */
  readonly isScreen: boolean
  readonly hasColour: boolean
}

export interface Monitor {
  /** Ends the drawing and gives the terminal back. */
  stop(): Promise<void>
}

const DRAW_MS = 350
const LINE_MS = 5000
/** The lake is read at most this often, and never twice at once. */
const READ_MS = 1000
const DISK_MS = 5000
/** The command AT ten cuts ago goes out of date with its snapshot, so it is said again. */
const COMMANDS_MS = 30_000

/** Shows the run. It reads the lake beside the loop; where that fails, the last facts stay. */
export async function startMonitor(options: MonitorOptions): Promise<Monitor> {
  const session = await options.lake.engine.connect()
  const facts = createFactReader(options, session)
  const view = options.isScreen ? screenView(options, facts) : lineView(options, facts)
  return {
    stop: async () => {
      view.stop()
      await facts.stop()
      session.close()
    },
  }
}

interface FactReader {
  state(): MonitorState
  stop(): Promise<void>
}

function createFactReader(options: MonitorOptions, session: Session): FactReader {
  const { lake } = options
  let facts: LakeFacts = { tables: [], bars: [], tenCutsAgo: undefined }
  let diskBytes: number | undefined
  let problem: string | undefined
  const onFailure = (error: unknown): void => {
    problem = error instanceof Error ? error.message : String(error)
  }
  const reading = repeat(READ_MS, onFailure, async () => {
    facts = await readLakeFacts(lake, session)
    problem = undefined
  })
  const measuring = repeat(DISK_MS, onFailure, async () => {
    diskBytes = await measureDiskUse(options.lakeDirectory)
  })
  return {
    state: () => ({ ...monitorState(options, facts, diskBytes), problem }),
    stop: async () => {
      await Promise.all([reading.stop(), measuring.stop()])
    },
  }
}

function monitorState(
  options: MonitorOptions,
  facts: LakeFacts,
  diskBytes: number | undefined,
): Omit<MonitorState, 'problem'> {
  const { statistics, lakeDirectory, catalogUrl } = options
  const nowUs = options.lake.clock.nowUs()
  const lastCut = statistics.lastCut()
  const totals = statistics.totals()
  return {
    lakeDirectory,
    catalogUrl,
    startedUs: options.startedUs,
    nowUs,
    layers: layersOf(facts.tables),
    producedCount: options.producedCount(),
    eventsPerSecond: statistics.eventsPerSecond(nowUs),
    freshness: statistics.recentFreshness(nowUs),
    watermarkUs: lastCut?.watermarkUs,
    lastCut,
    rejectedCount: totals.rejectedCount,
    duplicateCount: totals.duplicateCount,
    lateCount: totals.lateCount,
    diskBytes,
    bars: facts.bars,
    commands: secondTerminalCommands({ lakeDirectory, catalogUrl, tenCutsAgo: facts.tenCutsAgo }),
  }
}

function screenView(options: MonitorOptions, facts: FactReader): { stop(): void } {
  const { output } = options
  const screen = createScreen(output)
  const draw = (): void => {
    const area = {
      width: output.columns ?? 80,
      height: (output.rows ?? 24) - 1,
      hasColour: options.hasColour,
    }
    screen.draw(drawMonitor(facts.state(), area))
  }
  // However the process ends, the terminal is left as it was found.
  process.once('exit', screen.close)
  draw()
  const timer = setInterval(draw, DRAW_MS)
  return {
    stop: () => {
      clearInterval(timer)
      process.off('exit', screen.close)
      screen.close()
    },
  }
}

function lineView(options: MonitorOptions, facts: FactReader): { stop(): void } {
  const say = (line: string): void => void options.output.write(`${line}\n`)
  say(`sluice demo on the lake ${options.lakeDirectory}, catalog ${options.catalogUrl}`)
  let saidUs: bigint | undefined
  const timer = setInterval(() => {
    const state = facts.state()
    say(monitorLine(state))
    const isDue = saidUs === undefined || state.nowUs - saidUs >= BigInt(COMMANDS_MS) * 1000n
    if (!isDue || state.commands.some(({ command }) => command === undefined)) return
    saidUs = state.nowUs
    for (const { title, command } of state.commands) {
      say(`in a second terminal, ${title}:\n${command ?? ''}`)
    }
  }, LINE_MS)
  return { stop: () => clearInterval(timer) }
}

/** Runs `work` again and again, one at a time, with a pause between. */
function repeat(
  pauseMs: number,
  onFailure: (error: unknown) => void,
  work: () => Promise<void>,
): { stop(): Promise<void> } {
  let isStopped = false
  let wake: () => void = () => undefined
  const run = async (): Promise<void> => {
    while (!isStopped) {
      // A picture is no reason to stop the loop; what failed is shown and tried again.
      await work().catch(onFailure)
      await pause()
    }
  }
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      if (isStopped) {
        resolve()
        return
      }
      const timer = setTimeout(resolve, pauseMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const ended = run()
  return {
    stop: async () => {
      isStopped = true
      wake()
      await ended
    },
  }
}
