import { partKey } from '../../../pipelines/sources/source.ts'
import { lateBands, type GeneratedHistory } from './generate-history.ts'
import type { HistoryMessage } from './history-messages.ts'
import type { LawPlan } from './law-plan.ts'

/** One cut of a run, as its receipt told it. */
export interface LawCut {
  readonly messages: readonly HistoryMessage[]
  /** The process that made it, from 0 on. */
  readonly processIndex: number
  /** Before the cut. */
  readonly watermarkUs: bigint | undefined
}

export interface LawRun {
  readonly history: GeneratedHistory
  readonly plan: LawPlan
  readonly cuts: readonly LawCut[]
  /** Data files that were compacted between processes, snapshots let go, files deleted. */
  readonly compactedCount: number
  readonly expiredCount: number
  readonly deletedCount: number
}

const H_US = 60_000_000n
const DAY_US = 86_400_000_000n
const HOLE_US = 35n * DAY_US
const IDLE_US = 30_000_000n

/** The hard cases of a run by their classes, each as often as it was made. */
export function classesOf(run: LawRun): readonly string[] {
  const { cuts } = run
  const messages = cuts.flatMap((cut) => cut.messages)
  return [
    ...planClasses(run),
    ...messages.flatMap(({ cases }) => cases),
    ...cuts.flatMap((cut) => cut.messages.flatMap((message) => lateClasses(message, cut))),
    ...pairClasses(cuts),
    ...idleClasses(cuts),
    ...(hasHole(messages) ? ['holes of months'] : []),
  ]
}

/** All names that `classesOf` can give. Each must come up often, or the law proves little. */
export const lawClasses: readonly string[] = [
  ...['several cuts', 'a restart', 'tables of version 3', 'a part that never held a message'],
  ...['no memory', 'a tiny memory', 'a large memory', 'compaction between', 'expiry between'],
  ...['files deleted between', 'parts mixed anew', 'catch-up of one part after the other'],
  ...['broken messages', 'holes of months', 'a part that fell idle', 'equal times without ids'],
  ...['equal times without ids over two cuts', "a venue's numbers from 1 again"],
  ...['ids used again at another time', 'events of the future, refused', 'times with an offset'],
  ...['events ahead of their arrival', 'klines', 'missing numbers', 'numbers that came late'],
  ...Object.keys(lateBands).map((band) => `late by ${band}`),
  ...['agreeing', 'conflicting'].flatMap((word) =>
    [
      ...['in one cut', 'across cuts', 'across a restart', 'across parts', 'across midnight'],
      ...['ahead of the watermark', 'behind it within H', 'behind it beyond H'],
      ...['by receive time, within H', 'by receive time, beyond H'],
    ].map((where) => `${word} duplicates ${where}`),
  ),
  ...['bare', 'quoted'].flatMap((how) => [
    `numbers that are rounded, ${how}`,
    ...Array.from({ length: 28 }, (_, index) => `numbers of ${index + 1} digits, ${how}`),
  ]),
]

function planClasses({ history, plan, cuts, ...maintained }: LawRun): readonly string[] {
  const memory = { 0: 'no memory', 1: 'a tiny memory', 7: 'a tiny memory' }[plan.dedupeMemoryRows]
  const claims: Readonly<Record<string, boolean>> = {
    'several cuts': cuts.length > 1,
    'a restart': (cuts.at(-1)?.processIndex ?? 0) > 0,
    'tables of version 3': plan.formatVersion === 3,
    'a part that never held a message': history.hasDeadPart,
    [memory ?? 'a large memory']: true,
    'compaction between': maintained.compactedCount > 0,
    'expiry between': maintained.expiredCount > 0,
    'files deleted between': maintained.deletedCount > 0,
    'parts mixed anew': plan.order === 'parts mixed anew',
    'catch-up of one part after the other': plan.order === 'one part after the other',
  }
  return Object.keys(claims).filter((name) => claims[name] === true)
}

function lateClasses({ row, receivedUs }: HistoryMessage, cut: LawCut): readonly string[] {
  const { watermarkUs } = cut
  if (row === undefined || watermarkUs === undefined || row.eventUs >= watermarkUs) return []
  const behindMs = Number((receivedUs - row.eventUs) / 1000n)
  return Object.entries(lateBands)
    .filter(([, { min, max }]) => behindMs >= min && behindMs <= max)
    .map(([band]) => `late by ${band}`)
}

/** Where the second of two rows of one identity came, as seen from the first. */
function pairClasses(cuts: readonly LawCut[]): readonly string[] {
  const cutOf = new Map(cuts.flatMap((cut) => cut.messages.map((message) => [message, cut])))
  const names: string[] = []
  for (const cut of cuts) {
    for (const message of cut.messages) {
      const first = message.of
      const firstCut = first === undefined ? undefined : cutOf.get(first)
      if (first?.row === undefined || message.row === undefined || firstCut === undefined) continue
      const word = first.row.facts === message.row.facts ? 'agreeing' : 'conflicting'
      const places = pairPlaces({ message, cut }, { message: first, cut: firstCut })
      names.push(...places.map((place) => `${word} duplicates ${place}`))
    }
  }
  const withoutIds = cuts.filter((cut) =>
    cut.messages.some(({ cases }) => cases.includes('equal times without ids')),
  )
  const continued = withoutIds.filter((cut, index) => isContinued(cut, withoutIds[index + 1]))
  return [...names, ...continued.map(() => 'equal times without ids over two cuts')]
}

interface Place {
  readonly message: HistoryMessage
  readonly cut: LawCut
}

function pairPlaces(later: Place, earlier: Place): readonly string[] {
  const eventUs = later.message.row?.eventUs ?? 0n
  const watermarkUs = later.cut.watermarkUs ?? 0n
  const apartUs = later.message.receivedUs - earlier.message.receivedUs
  if (later.message.row?.isTimeReceived === true) {
    return [`by receive time, ${apartUs <= H_US ? 'within' : 'beyond'} H`]
  }
  const day = ({ message }: Place) => message.receivedUs / DAY_US
  const claims: Readonly<Record<string, boolean>> = {
    'in one cut': later.cut === earlier.cut,
    'across cuts': later.cut !== earlier.cut,
    'across a restart': later.cut.processIndex !== earlier.cut.processIndex,
    'across parts': partKey(later.message.part) !== partKey(earlier.message.part),
    'across midnight': day(later) !== day(earlier),
    'ahead of the watermark': eventUs >= watermarkUs,
    'behind it within H': eventUs < watermarkUs && eventUs > watermarkUs - H_US,
    'behind it beyond H': eventUs <= watermarkUs - H_US,
  }
  return Object.keys(claims).filter((name) => claims[name] === true)
}

/** Whether copies of one print lie in both. */
function isContinued(cut: LawCut, next: LawCut | undefined): boolean {
  const times = (of: LawCut | undefined) =>
    (of?.messages ?? []).flatMap(({ row, cases }) =>
      cases.includes('equal times without ids') ? [row?.eventUs] : [],
    )
  const own = new Set(times(cut))
  return times(next).some((us) => own.has(us))
}

/** A part that is read to its end while another one goes on for longer than it may be silent. */
function idleClasses(cuts: readonly LawCut[]): readonly string[] {
  const messages = cuts.flatMap((cut) => cut.messages)
  const endsUs = new Map<string, bigint>()
  for (const { part, receivedUs } of messages) {
    const before = endsUs.get(partKey(part)) ?? 0n
    endsUs.set(partKey(part), receivedUs > before ? receivedUs : before)
  }
  const newestUs = [...endsUs.values()].reduce((a, b) => (a > b ? a : b), 0n)
  const last = new Set((cuts.at(-1)?.messages ?? []).map(({ part }) => partKey(part)))
  const isIdle = ([key, endUs]: [string, bigint]) => !last.has(key) && newestUs - endUs > IDLE_US
  return [...endsUs].some(isIdle) ? ['a part that fell idle'] : []
}

function hasHole(messages: readonly HistoryMessage[]): boolean {
  const times = messages.map(({ receivedUs }) => receivedUs).sort((a, b) => (a < b ? -1 : 1))
  return times.some((us, index) => index > 0 && us - (times[index - 1] ?? us) > HOLE_US)
}
