/** The oldest Node.js that Sluice runs on; package.json `engines` says the same. */
export const NODE_MIN = '20.19.0'

/** What is wrong with this Node.js version, undefined where it is new enough. */
export function nodeVersionError(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = NODE_MIN.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined
  return (
    `Sluice needs Node.js ${NODE_MIN} or newer, this is ${version}: nothing was started. ` +
    'Install a newer one from https://nodejs.org and run the command again.'
  )
}
