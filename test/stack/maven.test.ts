import { describe, expect, it } from 'vitest'
import kafkaJars from '../../stack/kafka-jars.json' with { type: 'json' }
import { checkJar } from '../../stack/maven.ts'

describe('the pinned jars', () => {
  it('refuses bytes that are not the pinned ones', () => {
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    const jar = { path: 'a/b/1/b-1.jar', sha256, sizeBytes: 3 }
    checkJar(jar, Buffer.from('abc'))
    expect(() => checkJar(jar, Buffer.from('abd'))).toThrow('a/b/1/b-1.jar')
  })

  it('name the broker in the version that is announced, and no file twice', () => {
    const paths = kafkaJars.jars.map((jar) => jar.path)
    const { version } = kafkaJars
    expect(paths).toContain(`org/apache/kafka/kafka_2.13/${version}/kafka_2.13-${version}.jar`)
    expect(new Set(paths).size).toBe(paths.length)
    expect(kafkaJars.jars.filter((jar) => !/^[0-9a-f]{64}$/.test(jar.sha256))).toEqual([])
  })
})
