import { join } from 'node:path'

/** The five ports of a one-node HDFS, all on 127.0.0.1. */
export interface HdfsPorts {
  /** What `hdfs://` locations name. */
  readonly nameNodeRpc: number
  /** WebHDFS and the NameNode's page. */
  readonly nameNodeHttp: number
  /** Where WebHDFS sends a client on to. */
  readonly dataNodeHttp: number
  readonly dataNodeTransfer: number
  readonly dataNodeIpc: number
}

const HOST = '127.0.0.1'

/** What the NameNode, the DataNode and every other Hadoop client read as core-site.xml. */
export function coreSite(ports: HdfsPorts, folder: string): Readonly<Record<string, string>> {
  return {
    'fs.defaultFS': `hdfs://${HOST}:${ports.nameNodeRpc}`,
    'hadoop.tmp.dir': join(folder, 'tmp'),
    'hadoop.http.staticuser.user': 'sluice',
    'hadoop.security.token.service.use_ip': 'true',
    // A DataNode asks for the NameNode's port in steps of 100 ms. The 10 tries that are the
    // default run out before a NameNode is up, and then it sleeps for 5 s.
    'ipc.client.connect.retry.interval': '100',
    'ipc.client.connect.max.retries': '300',
  }
}

/** hdfs-site.xml of one NameNode and one DataNode that keep their data below `folder`. */
export function hdfsSite(ports: HdfsPorts, folder: string): Readonly<Record<string, string>> {
  return {
    'dfs.replication': '1',
    'dfs.permissions.enabled': 'false',
    'dfs.webhdfs.enabled': 'true',
    'dfs.namenode.rpc-address': `${HOST}:${ports.nameNodeRpc}`,
    'dfs.namenode.http-address': `${HOST}:${ports.nameNodeHttp}`,
    'dfs.namenode.name.dir': `file://${join(folder, 'namenode')}`,
    'dfs.datanode.data.dir': `file://${join(folder, 'datanode')}`,
    'dfs.datanode.address': `${HOST}:${ports.dataNodeTransfer}`,
    'dfs.datanode.http.address': `${HOST}:${ports.dataNodeHttp}`,
    'dfs.datanode.ipc.address': `${HOST}:${ports.dataNodeIpc}`,
    // The host in the places that WebHDFS sends a client on to.
    'dfs.datanode.hostname': HOST,
    'dfs.namenode.datanode.registration.ip-hostname-check': 'false',
    'dfs.namenode.safemode.extension': '0',
    'dfs.heartbeat.interval': '1',
    // A DataNode is taken for dead after 2 of these and 10 heartbeats: 130 s, not 10 minutes. One
    // that a busy machine gives no turn must not be: its blocks are nowhere until it is back.
    'dfs.namenode.heartbeat.recheck-interval': '60000',
    'dfs.namenode.fs-limits.min-block-size': '1024',
    'dfs.namenode.handler.count': '4',
    'dfs.datanode.handler.count': '4',
    'dfs.datanode.du.reserved': '0',
    // WebHDFS writes through a DataNode, which closes the file as a client does: where the
    // NameNode has not yet heard of the last block it asks again after this, by default 400 ms.
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': '5',
  }
}

/** A Hadoop configuration file. */
export function configurationXml(properties: Readonly<Record<string, string>>): string {
  const lines = Object.entries(properties).map(
    ([name, value]) =>
      `  <property><name>${escapeXml(name)}</name><value>${escapeXml(value)}</value></property>\n`,
  )
  return `<configuration>\n${lines.join('')}</configuration>\n`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** log4j.properties: everything that matters to standard error. */
export const HDFS_LOG_TO_STDERR = `log4j.rootLogger=INFO,c
log4j.appender.c=org.apache.log4j.ConsoleAppender
log4j.appender.c.target=System.err
log4j.appender.c.layout=org.apache.log4j.PatternLayout
log4j.appender.c.layout.ConversionPattern=%d{ISO8601} %p %c{1} %m%n
`
