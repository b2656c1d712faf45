import type { BenchmarkContext } from './benchmark.ts'
import type { LoopReport } from './cut-meter.ts'
import type { Freshness } from './freshness.ts'
import { hundredths } from './hundredths.ts'

type Report = BenchmarkContext['report']

/** Rates and memory of a loop that took in what was waiting for it. */
export function reportThroughput(report: Report, done: LoopReport): void {
  const facts = {
    events: done.messages,
    silver_rows: done.silverRows,
    cuts: done.cuts,
    wall_seconds: hundredths(done.wallSeconds),
    cpu_seconds: hundredths(done.cpuSeconds),
    derive_seconds: hundredths(done.deriveSeconds),
    write_seconds: hundredths(done.writeSeconds),
    commit_seconds: hundredths(done.commitSeconds),
  }
  const { messages, wallSeconds, cpuSeconds, rssMbPeak } = done
  report({
    name: 'events to three committed layers, wall',
    value: messages / wallSeconds,
    unit: 'events/s',
    facts,
  })
  report({
    name: 'events to three committed layers, per CPU-second of the process',
    value: messages / cpuSeconds,
    unit: 'events/CPU-s',
    facts,
  })
  report({ name: 'peak RSS while catching up', value: rssMbPeak, unit: 'MB', facts })
}

/** Freshness at a steady rate, and what the loop costs meanwhile. */
export function reportFreshness(
  report: Report,
  rate: { readonly eventsPerSecond: number; readonly seconds: number; readonly clock: string },
  done: LoopReport,
  freshness: Freshness,
): void {
  const at = `at ${rate.eventsPerSecond} events/s`
  const facts = {
    events: freshness.messages,
    seconds: rate.seconds,
    events_per_second: Math.round(freshness.messages / rate.seconds),
    from_to: rate.clock,
    cuts: done.cuts,
    cpu_seconds: hundredths(done.cpuSeconds),
  }
  report({ name: `freshness ${at}, p50`, value: freshness.p50Ms, unit: 'ms', facts })
  report({ name: `freshness ${at}, p99`, value: freshness.p99Ms, unit: 'ms', facts })
  report({ name: `freshness ${at}, longest`, value: freshness.maxMs, unit: 'ms', facts })
  report({ name: `peak RSS ${at}`, value: done.rssMbPeak, unit: 'MB', facts })
}
