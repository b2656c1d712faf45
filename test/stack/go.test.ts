import { describe, expect, it } from 'vitest'
import { goProxy } from '../../stack/go-toolchain.ts'
import { parseGoMinor } from '../../stack/go.ts'

describe('parseGoMinor', () => {
  it.each([
    ['go version go1.26.8 linux/amd64', 26],
    ['go version go1.19 linux/arm64', 19],
    ['go version devel go1.27-abcdef linux/amd64', 27],
    ['sh: go: not found', undefined],
  ])('reads %s', (text, minor) => {
    expect(parseGoMinor(text)).toBe(minor)
  })
})

describe('goProxy', () => {
  it.each([
    [undefined, 'https://proxy.golang.org'],
    ['', 'https://proxy.golang.org'],
    ['direct', 'https://proxy.golang.org'],
    ['https://goproxy.example/,direct', 'https://goproxy.example'],
    ['off|http://10.0.0.1:3000/go', 'http://10.0.0.1:3000/go'],
  ])('finds the first address in %s', (list, address) => {
    expect(goProxy(list)).toBe(address)
  })
})
