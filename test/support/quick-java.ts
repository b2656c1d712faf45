/**
 * The environment of Java servers that live as long as a suite: their code is compiled fast, not
 * well. Compiling it well took nearly half of the processor time of such a server.
 */
export const QUICK_JAVA = { JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1' }
