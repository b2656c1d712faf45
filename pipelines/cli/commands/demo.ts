import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { DemoReport } from '../../demo/demo-report.ts'
import { runDemo } from '../../demo/run-demo.ts'
import { createFaultHooks } from '../../loop/fault-hooks.ts'
import { printJson, printLine, printNote, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { durationOption } from '../parse-duration.ts'

interface DemoCommandOptions extends LakeOptions {
  readonly rate: number
  readonly seed: number
  readonly duration?: number
  readonly port: number
}

export function addDemoCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('demo')
    .description('a whole lakehouse in one process: simulator, live loop, catalog and monitor')
    .option('--rate <events>', 'events a second', countFrom(1, 1_000_000), 200)
    .option('--seed <n>', 'seed of the simulator', countFrom(0), 1)
    .option('--duration <time>', 'end by itself, as in 20s or 5m', durationOption)
    .option('--port <n>', 'port of the catalog, or the next free one', countFrom(1, 65_535), 8181)
  addLakeOptions(command, context).action(async (options: DemoCommandOptions) => {
    const report = await runDemo(demoOptions(context, options), context.stopSignal())
    if (options.json) printJson(context, report)
    else for (const line of farewell(report)) printLine(context, line)
  })
}

/** With --json stdout is for the one line at the end, so the monitor goes to stderr. */
function demoOptions(context: CommandContext, options: DemoCommandOptions) {
  const { engine, fault, isTerminalDumb } = context.environment
  const isScreen = !options.json && context.stdout.isTTY && !isTerminalDumb
  return {
    lakeDirectory: options.lake,
    clock: context.clock,
    ids: context.ids,
    engine,
    port: options.port,
    eventsPerSecond: options.rate,
    seed: options.seed,
    durationMs: options.duration,
    output: options.json ? context.stderr : context.stdout,
    isScreen,
    hasColour: isScreen && !context.environment.isColourRefused,
    hooks:
      fault === undefined ? undefined : createFaultHooks(fault, (line) => printNote(context, line)),
  }
}

function farewell(report: DemoReport): readonly string[] {
  const rows = Object.entries(report.rows).map(([name, count]) => `${name} ${formatCount(count)}`)
  return [
    `${formatCount(report.produced)} messages produced, ${formatCount(report.committed)} committed ` +
      `in ${formatCount(report.cuts)} cuts, ${formatCount(report.rejected)} rejected, ` +
      `${formatCount(report.duplicates)} duplicates, ${formatCount(report.late)} late`,
    `rows: ${rows.join(', ')}`,
    `The lake is in ${resolve(report.lake)}. The same command goes on with it; ` +
      '`sluice sql` and `sluice catalog` read it.',
  ]
}
