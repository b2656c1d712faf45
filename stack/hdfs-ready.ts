import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 100
const POLLS_MAX = 1200

type Bean = Readonly<Record<string, unknown>>

/**
 * Resolves once a NameNode has left safe mode and a DataNode has told it of its space, so that
 * files can be written: a DataNode that has only registered has none. `signal` ends the waiting.
 */
export function untilNameNodeReady(url: string): (signal: AbortSignal) => Promise<void> {
  const isReady = (bean: Bean) =>
    bean['FSState'] === 'Operational' && Number(bean['CapacityRemaining']) > 0
  return (signal) => untilBean(`${url}${NAME_NODE_STATE}`, isReady, signal)
}

/**
 * Resolves once a NameNode has answered a DataNode's heartbeat. The NameNode's own count would not
 * do: it takes a DataNode that was killed for a live one for a while.
 */
export function untilDataNodeReady(url: string): (signal: AbortSignal) => Promise<void> {
  const isReady = (bean: Bean) =>
    /"NamenodeHaState":"active"/.test(String(bean['BPServiceActorInfo']))
  return (signal) => untilBean(`${url}${DATA_NODE_STATE}`, isReady, signal)
}

const NAME_NODE_STATE = '/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState'
const DATA_NODE_STATE = '/jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo'

async function untilBean(
  url: string,
  isReady: (bean: Bean) => boolean,
  signal: AbortSignal,
): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX && !signal.aborted; poll += 1) {
    const bean = await readBean(url)
    if (bean !== undefined && isReady(bean)) return
    await delay(POLL_MS)
  }
  throw new Error(`was not ready in ${(POLLS_MAX * POLL_MS) / 1000} s`)
}

async function readBean(url: string): Promise<Bean | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    const { beans } = (await response.json()) as { readonly beans?: readonly Bean[] }
    return beans?.[0]
  } catch {
    // It does not listen yet.
    return undefined
  }
}
