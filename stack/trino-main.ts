/**
 * The main class of Trino's server. The official package's own (`io.trino.server.TrinoServer`) is
 * in a jar that is not on Maven Central, and it does no more than this:
 *
 *     public class Main {
 *       public static void main(String[] a) { new io.trino.server.Server().start("483"); }
 *     }
 *
 * Compiled by `javac -g:none --release 24`, so that starting Trino needs no compiler. The text
 * "483" is the version that the server reports.
 */
export const TRINO_MAIN_CLASS = 'Main'

const CLASS_BASE64 =
  'yv66vgAAAEQAFQoAAgADBwAEDAAFAAYBABBqYXZhL2xhbmcvT2JqZWN0AQAGPGluaXQ+AQADKClWBwAIAQAWaW8vdHJp' +
  'bm8vc2VydmVyL1NlcnZlcgoABwADCAALAQADNDgzCgAHAA0MAA4ADwEABXN0YXJ0AQAVKExqYXZhL2xhbmcvU3RyaW5n' +
  'OylWBwARAQAETWFpbgEABENvZGUBAARtYWluAQAWKFtMamF2YS9sYW5nL1N0cmluZzspVgAhABAAAgAAAAAAAgABAAUA' +
  'BgABABIAAAARAAEAAQAAAAUqtwABsQAAAAAACQATABQAAQASAAAAGQACAAEAAAANuwAHWbcACRIKtgAMsQAAAAAAAA=='

/** The bytes of `Main.class`. */
export function trinoMainClass(): Uint8Array {
  return Buffer.from(CLASS_BASE64, 'base64')
}
