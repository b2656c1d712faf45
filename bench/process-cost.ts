import { readFileSync } from 'node:fs'

/** What a process has used since it began, children not counted. Linux only (/proc). */
export interface ProcessCost {
  /** User and system time of all of its threads. */
  readonly cpuSeconds: number
  /** The most memory that it ever held at once, MB (10^6 bytes). */
  readonly rssMbPeak: number
}

/** Linux counts CPU time in hundredths of a second on every platform that Node.js runs on. */
const TICKS_PER_SECOND = 100

/** Reads the cost of a running process, this one by default. Throws where it is gone. */
export function readProcessCost(pid: number = process.pid): ProcessCost {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in brackets and may hold blanks; counted from behind it, user
  // time is field 11 and system time field 12 (proc_pid_stat(5): 14 and 15).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const peakKb = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN)
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssMbPeak: (peakKb * 1024) / 1e6 }
}

export interface Timed<T> {
  readonly result: T
  readonly wallSeconds: number
  /** Of this process, all threads. */
  readonly cpuSeconds: number
}

/** Runs work once and measures its wall time and the CPU time that this process spent on it. */
export async function measure<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  const result = await work()
  const wallSeconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return { result, wallSeconds, cpuSeconds: (user + system) / 1e6 }
}
