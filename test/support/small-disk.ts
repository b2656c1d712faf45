import { execFile } from 'node:child_process'
import { mkdtemp, rmdir, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServiceMissing } from '../../stack/service-missing.ts'

const run = promisify(execFile)

/** A file system of its own, as small as a test wants it, in memory. */
export interface SmallDisk {
  readonly path: string
  /** Leaves so many kB free. */
  leaveFree(kilobytes: number): Promise<void>
  /** Lets nobody write, root neither; `false` lets all write again. */
  setReadOnly(is: boolean): Promise<void>
  unmount(): Promise<void>
}

const ROOMY_KB = 256 * 1024

/** @throws where this user may not mount */
export async function mountSmallDisk(): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', `size=${ROOMY_KB}k`, 'tmpfs', path])
  const remount = (how: string) => run('mount', ['-o', `remount,${how}`, path])
  return {
    path,
    leaveFree: async (kilobytes) => {
      const { blocks, bfree, bsize } = await statfs(path)
      const usedKilobytes = ((blocks - bfree) * bsize) / 1024
      await remount(`size=${usedKilobytes + kilobytes}k`)
    },
    setReadOnly: async (is) => {
      await remount(is ? 'ro' : 'rw')
    },
    unmount: async () => {
      // Also where a test left a file open: it must not outlive the run.
      await run('umount', ['--lazy', path])
      await rmdir(path)
    },
  }
}

/** @throws ServiceMissing where this user may not mount */
export async function probeSmallDisk(): Promise<void> {
  try {
    const disk = await mountSmallDisk()
    await disk.unmount()
  } catch (error) {
    throw new ServiceMissing(`this user may not mount a file system (${String(error)})`)
  }
}
