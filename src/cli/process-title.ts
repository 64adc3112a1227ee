const REDACTED = '***'

/** What follows may be an address, with a key in any place and any letters. */
const ADDRESS = /(?:twitch|kick|youtube):(?=.)|(?:rtmps?|srt|icecasts?):(?!\/\/)(?=.)|:\/\//i
const HOST = /^(?:\[[0-9a-f:.%]*\]|[^\s[\]/?#;,'"]*)/i
const TOKEN = '--token'

/**
 * The command line as others on the machine may see it. Cut rather than understood: of an address stays what is before
 * its path, of a list of them only the first.
 */
export const publicCommandLine = (args: readonly string[]): string =>
  [
    'sluice',
    ...args.map((arg, k) => (args[k - 1] === TOKEN ? REDACTED : publicArgument(arg))),
  ].join(' ')

const publicArgument = (arg: string): string => {
  if (arg.startsWith(`${TOKEN}=`)) return `${TOKEN}=${REDACTED}`
  const found = ADDRESS.exec(arg)
  if (found === null) return arg
  const end = found.index + found[0].length
  const rest = arg.slice(end)
  // A user name and password may hold what ends a host elsewhere.
  const host = found[0] === '://' && !rest.includes('@') ? HOST.exec(rest)![0] : ''
  const shown = arg.slice(0, end) + host
  return shown === arg ? arg : shown + REDACTED
}
