import { ID_PATTERN } from '../contract/ids.ts'

export interface NamedUrl {
  /** Absent where only a URL was given. */
  readonly id?: string
  readonly url: string
}

/**
 * Parses `id=url`, or a URL alone. URLs may hold "=" themselves: the text is split at the first one, and only when a valid
 * id precedes it: `lavfi:testsrc=size=64x64` and `http://h/?a=b` are URLs without an id.
 */
export const namedUrl = (text: string): NamedUrl => {
  const trimmed = text.trim()
  const at = trimmed.indexOf('=')
  const id = trimmed.slice(0, Math.max(at, 0))
  return ID_PATTERN.test(id) ? { id, url: trimmed.slice(at + 1).trim() } : { url: trimmed }
}

const LIST_SEPARATOR =
  /;(?=\s*(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,63}=|[a-z][a-z0-9+.-]*:\/\/|(?:hls|dash|record|twitch|kick|youtube):))/

/**
 * `s0=url;s1=url;rtmp://…;hls:`. A ";" separates only where an `id=`, a `scheme://` or an output without an address
 * follows: inside a URL it stays. A trailing ";" is allowed.
 */
export const namedUrlList = (text: string): NamedUrl[] =>
  text
    .trim()
    .replace(/;$/, '')
    .split(LIST_SEPARATOR)
    .filter((part) => part.trim() !== '')
    .map(namedUrl)

/** Adds missing ids: prefix and place in the list (`s0`, `s1`), or the next free number. */
export const withIds = (
  entries: readonly { readonly id: string | undefined }[],
  prefix: string,
): string[] => {
  const taken = new Set(entries.flatMap(({ id }) => (id === undefined ? [] : [id])))
  return entries.map(({ id }, index) => {
    if (id !== undefined) return id
    let number = index
    while (taken.has(`${prefix}${number}`)) number++
    taken.add(`${prefix}${number}`)
    return `${prefix}${number}`
  })
}
