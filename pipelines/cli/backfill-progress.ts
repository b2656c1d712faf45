import { Presets, SingleBar } from 'cli-progress'
import type { TrinoProgress } from '../../tables/query/trino-connection.ts'
import type { ArchiveProgress } from '../sources/archive-source.ts'
import { printNote, type CommandContext } from './command-context.ts'
import { createLeftEstimate, leftText } from './estimate-left.ts'
import { formatSize } from './format-units.ts'

/** `check` reads the input without writing, `load` commits it. */
type BackfillPhase = 'check' | 'load'

/** How far a backfill is, and about how long the phase still takes once that can be known. */
export interface BackfillProgressView {
  readonly show: (phase: BackfillPhase, progress: ArchiveProgress) => void
  /** What Trino is asked for now, and how far it is. */
  readonly showStatement: (purpose: string, progress: TrinoProgress) => void
  readonly end: () => void
}

/** Without a terminal: how often a line says how far it is. */
const LINE_US = 5_000_000n

/** A bar on a terminal, else a line now and then. */
export function createBackfillProgress(context: CommandContext): BackfillProgressView {
  return context.stderr.isTTY ? progressBar(context) : progressLines(context)
}

const phaseNames = { check: 'checking', load: 'loading' } as const

function progressBar(context: CommandContext): BackfillProgressView {
  const { stderr } = context
  const bar = new SingleBar(
    {
      format: '{phase} [{bar}] {percentage}% | {files} files | {rest}',
      stream: stderr,
      hideCursor: true,
      noTTYOutput: false,
    },
    Presets.legacy,
  )
  const timeLeft = createPhaseEstimate(context)
  let shown: BackfillPhase | 'statement' | undefined
  return {
    show: (phase, progress) => {
      const { bytesRead, bytesTotal, partsRead, partsTotal } = progress
      const payload = {
        phase: phaseNames[phase],
        files: `${partsRead}/${partsTotal}`,
        rest: progressText(progress, timeLeft(phase, progress)),
      }
      if (shown !== phase) {
        if (shown === 'statement') stderr.write('\r\u001b[K')
        else bar.stop()
        bar.start(bytesTotal, bytesRead, payload)
      } else bar.update(bytesRead, payload)
      shown = phase
    },
    showStatement: (purpose, progress) => {
      if (shown !== 'statement') bar.stop()
      shown = 'statement'
      stderr.write(`\r\u001b[K${statementText(purpose, progress)}`)
    },
    end: () => {
      if (shown === 'statement') stderr.write('\r\u001b[K')
      bar.stop()
    },
  }
}

function progressLines(context: CommandContext): BackfillProgressView {
  const { clock } = context
  const timeLeft = createPhaseEstimate(context)
  let saidUs: bigint | undefined
  let asked: string | undefined
  const isDue = (): boolean => {
    const nowUs = clock.nowUs()
    if (saidUs !== undefined && nowUs - saidUs < LINE_US) return false
    saidUs = nowUs
    return true
  }
  return {
    show: (phase, progress) => {
      const left = timeLeft(phase, progress)
      if (!isDue()) return
      const { partsRead, partsTotal } = progress
      const files = `${partsRead} of ${partsTotal} files`
      printNote(context, `${phaseNames[phase]}: ${files}, ${progressText(progress, left)}`)
    },
    showStatement: (purpose, progress) => {
      const isNew = purpose !== asked
      asked = purpose
      if (isDue() || isNew) printNote(context, statementText(purpose, progress))
    },
    end: () => undefined,
  }
}

/** `4.2 MB of 8.4 MB, about 3 min left`. */
function progressText(
  { bytesRead, bytesTotal }: ArchiveProgress,
  left: string | undefined,
): string {
  const bytes = `${formatSize(bytesRead)} of ${formatSize(bytesTotal)}`
  return left === undefined ? bytes : `${bytes}, ${left}`
}

/** Each phase has a speed of its own. */
function createPhaseEstimate({ clock }: CommandContext) {
  const estimates = { check: createLeftEstimate(), load: createLeftEstimate() }
  return (phase: BackfillPhase, { bytesRead, bytesTotal }: ArchiveProgress) => {
    estimates[phase].note(clock.nowUs(), bytesRead, bytesTotal)
    return leftText(estimates[phase].leftMs())
  }
}

function statementText(purpose: string, { percent, queryId }: TrinoProgress): string {
  const share = percent === undefined ? '' : `, ${Math.floor(percent)} %`
  return `trino: ${purpose}${share} (${queryId})`
}
