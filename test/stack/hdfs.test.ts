import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import hdfsJars from '../../stack/hdfs-jars.json' with { type: 'json' }
import { configurationXml } from '../../stack/hdfs-settings.ts'
import { startHdfs } from '../../stack/hdfs.ts'
import { describeWithService } from '../support/service.ts'

describe('the pinned jars of HDFS', () => {
  it('are of the version that is announced, and no file is named twice', () => {
    const names = hdfsJars.jars.map(({ path }) => path.split('/').at(-1))
    for (const name of ['hadoop-common', 'hadoop-hdfs', 'hadoop-hdfs-client']) {
      expect(names).toContain(`${name}-${hdfsJars.version}.jar`)
    }
    expect(new Set(names).size).toBe(names.length)
    expect(hdfsJars.jars.filter(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256))).toEqual([])
  })
})

describe('a Hadoop configuration file', () => {
  it('holds values that have the marks of XML', () => {
    expect(configurationXml({ 'a.b': '1<2 & 3' })).toBe(
      '<configuration>\n' +
        '  <property><name>a.b</name><value>1&lt;2 &amp; 3</value></property>\n' +
        '</configuration>\n',
    )
  })
})

await describeWithService('hdfs', 'the HDFS of tests', () => {
  it('takes files and knows its DataNode; is gone with its data when it is stopped', async () => {
    const cluster = await startHdfs()
    const pids = cluster.pids()
    expect(pids).toHaveLength(2)
    const folder = `${cluster.webUrl}/webhdfs/v1/a?op=MKDIRS&user.name=me`
    expect(await (await fetch(folder, { method: 'PUT' })).json()).toEqual({ boolean: true })
    expect(await cluster.runAdmin(['-report'])).toMatch(/Live datanodes \(1\)/)
    await cluster.stop()
    await cluster.stop()
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    await expect(fetch(cluster.webUrl)).rejects.toThrow()
    const home = dirname(cluster.configFolder)
    await expect(access(home)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
