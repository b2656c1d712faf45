export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

const helpForm = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/
const typeForm = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary)$/
const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)( \d+)?$/
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/**
 * Prometheus' text format 0.0.4, strictly: HELP and TYPE once before the samples of a family, the
 * samples of a family together, no sample twice, and a line feed at the end. Throws otherwise.
 */
export function parsePrometheusText(text: string): readonly Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families: { name: string; type: string; help: string; samples: Sample[] }[] = []
  const seen = new Set<string>()
  let help: RegExpExecArray | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('# HELP ')) {
      help = helpForm.exec(line) ?? fail(line)
    } else if (line.startsWith('# TYPE ')) {
      const [, name = '', type = ''] = typeForm.exec(line) ?? fail(line)
      if (help?.[1] !== name || families.some((family) => family.name === name)) fail(line)
      families.push({ name, type, help: help[2] ?? '', samples: [] })
    } else {
      const sample = parseSample(line)
      const family = families.at(-1) ?? fail(line)
      if (!isOfFamily(sample.name, family)) fail(line)
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
      if (seen.has(key)) fail(line)
      seen.add(key)
      family.samples.push(sample)
    }
  }
  return families
}

function parseSample(line: string): Sample {
  const [, name = '', labelText = '', value = ''] = sampleForm.exec(line) ?? fail(line)
  const labels: Record<string, string> = {}
  labelForm.lastIndex = 0
  let end = 0
  for (let match = labelForm.exec(labelText); match !== null; match = labelForm.exec(labelText)) {
    labels[match[1] ?? ''] = match[2] ?? ''
    end = labelForm.lastIndex
  }
  if (end !== labelText.length) fail(line)
  const number = value === '+Inf' ? Infinity : value === 'Nan' ? NaN : Number(value)
  if (value !== 'Nan' && Number.isNaN(number)) fail(line)
  return { name, labels, value: number }
}

function isOfFamily(sample: string, { name, type }: { name: string; type: string }): boolean {
  if (sample === name) return type !== 'histogram'
  const suffix = sample.startsWith(name) ? sample.slice(name.length) : ''
  if (type === 'histogram') return ['_bucket', '_sum', '_count'].includes(suffix)
  return type === 'summary' && ['_sum', '_count'].includes(suffix)
}

function fail(line: string): never {
  throw new Error(`not of the text format: ${line}`)
}
