import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'

import { startHdfs, type HdfsCluster } from '../../stack/hdfs.ts'
import type { HdfsFileIO, HdfsFileIOOptions } from '../../tables/file-io/hdfs-file-io.ts'
import { newHdfsRoot, openHdfs } from '../support/hdfs-server.ts'
import { describeWithService } from '../support/service.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

// It kills and stops what other suites share: it has an HDFS of its own.
await describeWithService('hdfs', 'HDFS whose servers are killed and started again', () => {
  let cluster: HdfsCluster
  let root: string
  let folder: string
  const opened: HdfsFileIO[] = []

  beforeAll(async () => {
    cluster = await startHdfs()
  })
  afterAll(() => cluster.stop())
  beforeEach(async () => {
    root = newHdfsRoot(cluster)
    folder = await mkdtemp(join(tmpdir(), 'sluice-hdfs-restarts-'))
  })
  afterEach(async () => {
    for (const fileIO of opened.splice(0)) fileIO.close()
    await rm(folder, { recursive: true })
  })

  const open = (options: Partial<HdfsFileIOOptions> = {}): HdfsFileIO => {
    const fileIO = openHdfs(cluster, folder, options)
    opened.push(fileIO)
    return fileIO
  }

  /** A store that calls `heal` when it first waits, and then tries on. */
  const openUntil = (heal: () => Promise<void>): HdfsFileIO => {
    let healing: Promise<void> | undefined
    return open({ wait: () => (healing ??= heal()) })
  }

  const impatient: Partial<HdfsFileIOOptions> = {
    retry: { triesMax: 3 },
    wait: () => Promise.resolve(),
  }

  async function listed(fileIO: HdfsFileIO): Promise<string[]> {
    const found: string[] = []
    for await (const file of fileIO.list(root)) found.push(file.location)
    return found.sort()
  }

  it('writes and reads again once a DataNode that was killed is back', async () => {
    await open().write(`${root}/before`, bytesOf('before'))
    await cluster.killDataNode()
    const away = { kind: 'storage-unavailable', isRetryable: true }
    await expect(open(impatient).read(`${root}/before`)).rejects.toMatchObject(away)
    await expect(open(impatient).write(`${root}/lost`, bytesOf('x'))).rejects.toMatchObject(away)

    const fileIO = openUntil(() => cluster.startDataNode())
    const [before] = await Promise.all([
      fileIO.read(`${root}/before`),
      fileIO.write(`${root}/after`, bytesOf('after'), { ifAbsent: true }),
    ])
    expect(textOf(before)).toBe('before')
    expect(textOf(await open().read(`${root}/after`))).toBe('after')
    expect(await open().stat(`${root}/lost`)).toBeUndefined()
  })

  it('keeps what it wrote when a NameNode is killed, and goes on once it is back', async () => {
    await open().write(`${root}/before`, bytesOf('before'), { ifAbsent: true })
    await cluster.killNameNode()
    await expect(open(impatient).stat(`${root}/before`)).rejects.toThrow(/NameNode runs/)

    const fileIO = openUntil(() => cluster.startNameNode())
    await fileIO.write(`${root}/after`, bytesOf('after'), { ifAbsent: true })
    expect(await listed(fileIO)).toEqual([`${root}/after`, `${root}/before`])
    for (const name of ['before', 'after']) {
      expect(textOf(await fileIO.read(`${root}/${name}`))).toBe(name)
      await expect(
        fileIO.write(`${root}/${name}`, bytesOf('other'), { ifAbsent: true }),
      ).rejects.toMatchObject({ kind: 'commit-conflict' })
    }
  })

  it('says that HDFS is in safe mode, leaves no file, and writes once it has left it', async () => {
    await open().write(`${root}/before`, bytesOf('before'))
    await cluster.runAdmin(['-safemode', 'enter'])
    await expect(open(impatient).write(`${root}/x`, bytesOf('x'))).rejects.toMatchObject({
      kind: 'storage-unavailable',
      isRetryable: true,
      message: expect.stringMatching(/is in safe mode and takes no changes/) as unknown,
    })
    await expect(open(impatient).delete(`${root}/before`)).rejects.toThrow(/in safe mode/)
    // What is there can be read all the same.
    expect(textOf(await open(impatient).read(`${root}/before`))).toBe('before')

    const fileIO = openUntil(async () => {
      await cluster.runAdmin(['-safemode', 'leave'])
    })
    await fileIO.write(`${root}/x`, bytesOf('x'), { ifAbsent: true })
    expect(await listed(fileIO)).toEqual([`${root}/before`, `${root}/x`])
  })
})
