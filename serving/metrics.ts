import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../tables/clock.ts'

/** What a cut tells of itself; the loop's receipt is one. Times in µs since 1970, durations in ms. */
export interface CutFacts {
  readonly cutNumber: number
  readonly committedUs: bigint
  readonly watermarkUs: bigint | undefined
  readonly decodedCount: number
  readonly ignoredCount: number
  readonly rejectedCount: number
  readonly duplicateCount: number
  readonly refusedCount: number
  readonly lateCount: number
  readonly rowsByTable: Readonly<Record<string, number>>
  readonly timings: {
    readonly derive: number
    readonly write: number
    readonly commit: number
    readonly total: number
  }
  /** What the cut leaves behind. */
  readonly figures?: {
    readonly rejectedByReason: Readonly<Record<string, number>>
    readonly openWindowsByTable: Readonly<Record<string, number>>
    readonly filesByTable: Readonly<Record<string, number>>
    /** Of each part of a log: offsets from the committed end to the log's own. */
    readonly lags: readonly {
      readonly source: string
      readonly partition: number
      readonly offsetCount: number
    }[]
  }
}

/** Seconds from receipt to commit of the messages of the last minute, by quantile. */
export interface FreshnessFacts {
  readonly p50: number
  readonly p99: number
}

export interface LiveStatus {
  /** Undefined while no message with a receive time came. */
  freshness(): FreshnessFacts | undefined
}

export interface Metrics {
  /** Of the text that `render` answers. */
  readonly contentType: string
  addCut(cut: CutFacts): void
  render(): Promise<string>
}

const phases = ['derive', 'write', 'commit'] as const

/** From a cut without rows to one that waits for a slow store. */
const DURATION_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/**
 * The figures of a running loop as Prometheus reads them: its naming rules, base units, and
 * counters that begin at zero with the process.
 */
export function createMetrics(clock: Clock, status: LiveStatus): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const addCounts = createCounters(registry)
  const duration = new Histogram({
    name: 'sluice_cut_duration_seconds',
    help: 'Wall clock time from the batch in hand to its commit.',
    buckets: DURATION_BUCKETS,
    registers: [registry],
  })
  const phaseDuration = new Histogram({
    name: 'sluice_cut_phase_duration_seconds',
    help: 'Wall clock time of one phase of a cut.',
    labelNames: ['phase'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  })
  const setLast = createGauges(registry, clock, status)
  return {
    contentType: registry.contentType,
    addCut: (cut) => {
      addCounts(cut)
      duration.observe(cut.timings.total / 1000)
      for (const phase of phases) phaseDuration.observe({ phase }, cut.timings[phase] / 1000)
      setLast(cut)
    },
    render: () => registry.metrics(),
  }
}

function createCounters(registry: Registry): (cut: CutFacts) => void {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter<L>({ name, help, labelNames, registers })
  const cuts = counter('sluice_cuts_total', 'Cuts committed.')
  const messages = counter('sluice_messages_total', 'Messages committed, by what became of them.', [
    'outcome',
  ])
  const rows = counter('sluice_rows_total', 'Rows added to a table; gold counts windows touched.', [
    'table',
  ])
  const duplicates = counter('sluice_duplicate_rows_total', 'Rows left out as duplicates.')
  const refused = counter('sluice_refused_rows_total', 'Rows refused one by one.')
  const late = counter('sluice_late_rows_total', 'Rows that came after their window was sealed.')
  const rejects = counter('sluice_rejects_total', 'Messages and single rows refused, by reason.', [
    'reason',
  ])
  const outcomes = ['decoded', 'ignored', 'rejected'] as const
  // A counter that is not there before its first event hides that event from rate().
  for (const outcome of outcomes) messages.inc({ outcome }, 0)
  return (cut) => {
    cuts.inc()
    messages.inc({ outcome: 'decoded' }, cut.decodedCount)
    messages.inc({ outcome: 'ignored' }, cut.ignoredCount)
    messages.inc({ outcome: 'rejected' }, cut.rejectedCount)
    for (const [table, count] of Object.entries(cut.rowsByTable)) rows.inc({ table }, count)
    duplicates.inc(cut.duplicateCount)
    refused.inc(cut.refusedCount)
    late.inc(cut.lateCount)
    for (const [reason, count] of Object.entries(cut.figures?.rejectedByReason ?? {})) {
      rejects.inc({ reason }, count)
    }
  }
}

/** Gauges say nothing where there is nothing to say: a zero would be a wrong answer. */
function createGauges(
  registry: Registry,
  clock: Clock,
  status: LiveStatus,
): (cut: CutFacts) => void {
  const registers = [registry]
  let last: CutFacts | undefined
  const ofLast = (name: string, help: string, read: (cut: CutFacts) => number | undefined) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        const value = last === undefined ? undefined : read(last)
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  ofLast('sluice_last_cut_number', 'Number of the newest cut of this process.', (cut) => {
    return cut.cutNumber
  })
  ofLast('sluice_last_cut_age_seconds', 'Time since the newest cut was committed.', (cut) => {
    return seconds(clock.nowUs() - cut.committedUs)
  })
  ofLast(
    'sluice_watermark_timestamp_seconds',
    'Event time behind which windows are sealed.',
    (cut) => (cut.watermarkUs === undefined ? undefined : seconds(cut.watermarkUs)),
  )
  new Gauge({
    name: 'sluice_freshness_seconds',
    help: 'Time from receipt to commit of the messages of the last minute.',
    labelNames: ['quantile'],
    registers,
    collect() {
      this.reset()
      const freshness = status.freshness()
      if (freshness === undefined) return
      this.set({ quantile: '0.5' }, freshness.p50 / 1000)
      this.set({ quantile: '0.99' }, freshness.p99 / 1000)
    },
  })
  const byTable = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['table'], registers })
  const openWindows = byTable('sluice_open_windows', 'Windows that still change in order.')
  const liveFiles = byTable('sluice_live_files', 'Data and delete files of the newest snapshot.')
  const setLags = createLagGauge(registry)
  return (cut) => {
    last = cut
    if (cut.figures !== undefined) setLags(cut.figures.lags)
    const { openWindowsByTable = {}, filesByTable = {} } = cut.figures ?? {}
    for (const [table, count] of Object.entries(openWindowsByTable)) {
      openWindows.set({ table }, count)
    }
    for (const [table, count] of Object.entries(filesByTable)) liveFiles.set({ table }, count)
  }
}

/** The parts that the newest cut knows; one that left a source is no longer told of. */
function createLagGauge(
  registry: Registry,
): (lags: NonNullable<CutFacts['figures']>['lags']) => void {
  const gauge = new Gauge({
    name: 'sluice_source_lag_messages',
    help: 'Offsets of a partition that waited when the newest cut was made.',
    labelNames: ['source', 'partition'],
    registers: [registry],
  })
  return (lags) => {
    gauge.reset()
    for (const { source, partition, offsetCount } of lags) {
      gauge.set({ source, partition: String(partition) }, offsetCount)
    }
  }
}

function seconds(us: bigint): number {
  return Number(us) / 1e6
}
