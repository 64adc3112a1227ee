const REDACTED = '***'

/** Start of an address; the rest may have a key in any place and in upper or lower case. */
const ADDRESS = /(?:twitch|kick|youtube):(?=.)|(?:rtmps?|srt|icecasts?):(?!\/\/)(?=.)|:\/\//i
const HOST = /^(?:\[[0-9a-f:.%]*\]|[^\s[\]/?#;,'"]*)/i
const TOKEN = '--token'

/**
 * The command line as shown to other users of the machine. Cut, not parsed: an address is kept up to its path, of a list
 * only the first one.
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
  // A user name and password may contain characters that end a host elsewhere.
  const host = found[0] === '://' && !rest.includes('@') ? HOST.exec(rest)![0] : ''
  const shown = arg.slice(0, end) + host
  return shown === arg ? arg : shown + REDACTED
}
