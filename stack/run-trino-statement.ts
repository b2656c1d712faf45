interface StatementAnswer {
  readonly nextUri?: string
  readonly data?: readonly (readonly unknown[])[]
  readonly error?: { readonly message?: string }
}

const REQUEST_MS_MAX = 60_000

/**
 * Runs a statement as Trino's protocol has it, page by page, and returns its rows as JSON has them.
 * Throws with Trino's message where it fails: that is answered by status 200.
 */
export async function runTrinoStatement(
  url: string,
  sql: string,
): Promise<readonly (readonly unknown[])[]> {
  const headers = { 'X-Trino-User': 'sluice' }
  const ask = async (at: string, more: RequestInit = {}): Promise<StatementAnswer> => {
    const signal = AbortSignal.timeout(REQUEST_MS_MAX)
    const response = await fetch(at, { headers, ...more, signal })
    if (!response.ok) throw new Error(`Trino answered ${response.status}`)
    return (await response.json()) as StatementAnswer
  }
  const rows: (readonly unknown[])[] = []
  let answer = await ask(`${url}/v1/statement`, { method: 'POST', body: sql })
  for (;;) {
    if (answer.error !== undefined) throw new Error(`Trino: ${answer.error.message ?? 'failed'}`)
    rows.push(...(answer.data ?? []))
    if (answer.nextUri === undefined) return rows
    answer = await ask(answer.nextUri)
  }
}
