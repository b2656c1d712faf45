/** One test of a JUnit report. */
export interface TestCase {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Of a failure, on one line; else empty. */
  readonly message: string
}

/**
 * The tests of a report as JUnit's console writes it (`TEST-….xml`). It reads that writer's form,
 * not XML at large: attributes in double quotes, free text in CDATA.
 */
export function readJunitReport(xml: string): readonly TestCase[] {
  const texts: string[] = []
  // Free text may hold what looks like elements.
  const bare = xml.replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, (_whole, text: string) => {
    texts.push(text)
    return `[[${texts.length - 1}]]`
  })
  return [...bare.matchAll(/<testcase\b([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)].map((match) => {
    const body = match[3] ?? ''
    const failure = /<(?:failure|error)\b([^>]*)>([^<]*)/.exec(body)
    const isSkipped = /<skipped\b/.test(body)
    return {
      name: attribute(match[1] ?? '', 'name'),
      outcome: failure !== null ? 'failed' : isSkipped ? 'skipped' : 'passed',
      message: failure === null ? '' : failureText(failure, texts),
    }
  })
}

function failureText(failure: RegExpExecArray, texts: readonly string[]): string {
  const given = attribute(failure[1] ?? '', 'message')
  const place = /\[\[(\d+)\]\]/.exec(failure[2] ?? '')?.[1]
  const text = given === '' && place !== undefined ? (texts[Number(place)] ?? '') : given
  return text.replace(/\s+/g, ' ').trim().slice(0, 400)
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
  return value
    .replace(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-fA-F]+);/g, (_whole, code: string) =>
      String.fromCodePoint(Number.parseInt(code, 16)),
    )
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
}
