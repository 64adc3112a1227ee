import { SluiceError } from '../contract/errors.ts'
import type { OutputSpec } from '../contract/output-spec.ts'
import { redactUrl } from '../lib/redact.ts'
import { DATAGRAM_KIND } from './outputs/datagram-output.ts'
import { FILE_KIND } from './outputs/file.ts'
import { DASH_KIND, HLS_KIND } from './outputs/hls/hls-kind.ts'
import { ICECAST_KIND } from './outputs/icecast/icecast-kind.ts'
import type { Output } from './outputs/output.ts'
import type { OutputContext, OutputKind, OutputParts } from './outputs/output-kind.ts'
import { RTMP_KIND } from './outputs/push/rtmp-push.ts'
import { SRT_PUSH_KIND } from './outputs/push/srt-push.ts'
import { RECORD_KIND } from './outputs/record/record-output.ts'

/** Asked in this order: a file is what nobody else claims. */
const KINDS: readonly OutputKind[] = [
  DATAGRAM_KIND,
  RTMP_KIND,
  ICECAST_KIND,
  SRT_PUSH_KIND,
  RECORD_KIND,
  HLS_KIND,
  DASH_KIND,
  FILE_KIND,
]

export const openOutput = (spec: OutputSpec, parts: OutputParts): Output => {
  checkOutput(spec, parts)
  return kindOf(spec).open(spec, parts)
}

/** Throws SluiceError for what can never be opened, so that it is known before anything runs. */
export const checkOutput = (
  spec: OutputSpec,
  context: Pick<OutputContext, 'channel' | 'env'>,
): void => {
  const kind = kindOf(spec)
  checkSections(spec)
  kind.check(spec, context)
}

/** Which addresses a section of options speaks about. */
const SECTIONS = [
  { name: 'push', of: /^(?:rtmps?|srt|twitch|kick|youtube):/i, said: 'rtmp:, rtmps: and srt:' },
  { name: 'icecast', of: /^icecasts?:/i, said: 'icecast:' },
  { name: 'record', of: /^record:/i, said: 'record:' },
] as const

/** An option that would do nothing is a mistake that somebody wants to know of. */
function checkSections(spec: OutputSpec): void {
  const stray = SECTIONS.find(({ name, of }) => spec[name] !== undefined && !of.test(spec.url))
  if (stray === undefined) return
  throw new SluiceError(
    'option_refused',
    `output ${spec.id}: section "${stray.name}" belongs to ${stray.said} outputs, not to ${redactUrl(spec.url)}`,
  )
}

function kindOf({ id, url }: OutputSpec): OutputKind {
  const kind = KINDS.find((each) => each.claims(url))
  if (kind !== undefined) return kind
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? ''
  throw new SluiceError(
    'unsupported_url',
    `output ${id}, url ${JSON.stringify(redactUrl(url))}: "${scheme}" is not an output; ` +
      `use ${KINDS.map(({ grammar }) => grammar).join(', ')}`,
  )
}
