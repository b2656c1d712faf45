import { readFile } from 'node:fs/promises'

/**
 * `<boot id>:<start in clock ticks>` of a process: with its pid, which process it is. Undefined
 * where it is gone, a zombie, or the machine does not tell. Field 22 of /proc/<pid>/stat; the name
 * in field 2 may hold blanks and brackets.
 */
export async function readProcessBirth(pid: number): Promise<string | undefined> {
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ])
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [condition, ticks] = [fields[0], fields[19]]
    return ticks === undefined || condition === 'Z' ? undefined : `${bootId.trim()}:${ticks}`
  } catch {
    return undefined
  }
}
