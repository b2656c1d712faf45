import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { spawnGuarded, stopGuarded } from '../../stack/spawn-guarded.ts'

const starter = fileURLToPath(new URL('../support/start-guarded-sleep.ts', import.meta.url))

describe('spawnGuarded', () => {
  it('gives the pid of the program itself, and its output', async () => {
    const child = spawnGuarded('/bin/sh', ['-c', 'echo $$; exec sleep 600'])
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    expect(line).toBe(String(child.pid))
    await stopGuarded(child)
    expect(child.signalCode).toBe('SIGTERM')
  })

  it('kills a program that does not listen to SIGTERM', async () => {
    const child = spawnGuarded('/bin/sh', ['-c', 'trap "" TERM; echo on; exec sleep 600'])
    await once(createInterface({ input: child.stdout }), 'line')
    await stopGuarded(child, 50)
    expect(child.signalCode).toBe('SIGKILL')
  })

  it('does not let the program outlive a SIGKILL of the process that started it', async () => {
    const parent = spawn(process.execPath, ['--import', 'tsx', starter], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [pid] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    expect(isAlive(Number(pid))).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(Number(pid)), { timeout: 10_000 }).toBe(false)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
